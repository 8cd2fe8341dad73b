// The plugins of one run: created, asked about every site, applied to the
// decoder, saved and restored. None is known by name here.
#pragma once

#include "core/model/decoder.h"
#include "core/resolve/plan.h"

#include <octet/feature.h>
#include <octet/precision.h>

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace octet {

struct RunFeature {
  std::string name;
  /// Manifest key adapter_format; empty when the feature is no adapter.
  std::string adapter_format;
  bool freezes_base = false;
  std::shared_ptr<Feature> feature;
};

struct RunPlugins {
  std::string backend_name;
  std::shared_ptr<PrecisionBackend> backend;
  at::ScalarType compute_dtype = at::kFloat;
  /// In the order of application.
  std::vector<RunFeature> features;

  /// The first feature with an adapter format, or null.
  const RunFeature* adapter() const;
};

/// Loads and creates what was selected.
/// @throws Failure(resolution) that names the plugin
RunPlugins create_plugins(const Selection& selection);

/// The dtype that a manifest's `compute` names: fp32, bf16 or fp16.
/// @throws Failure(resolution)
at::ScalarType compute_dtype_of(const Manifest& manifest);

/// Every plugin's verdict on every site.
std::vector<SiteVerdicts> ask_plugins(
    const RunPlugins& plugins,
    const std::vector<Site>& sites);

/// Fills the slots, then checks the ledger against the plan.
/// @throws Failure(resolution)
void apply_plugins(
    const RunPlugins& plugins,
    const Plan& plan,
    Decoder& decoder);

/// "backend/<site>/<name>" and "feature/<name>/<tensor>".
State plugin_state(const RunPlugins& plugins, const Decoder& decoder);
/// @throws Failure(input) for a state of a feature that this run lacks
void load_plugin_state(
    const RunPlugins& plugins,
    const State& state,
    Decoder& decoder);

/// Name -> version, for checkpoints.
std::map<std::string, std::string> plugin_versions(const Selection& selection);

} // namespace octet
