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

struct RunBackend {
  std::string name;
  std::shared_ptr<PrecisionBackend> backend;
};

struct RunPlugins {
  /// The selected one; with a measured `auto` also the reference backend.
  std::vector<RunBackend> backends;
  at::ScalarType compute_dtype = at::kFloat;
  /// In the order of application.
  std::vector<RunFeature> features;

  /// The first feature with an adapter format, or null.
  const RunFeature* adapter() const;
};

/// Loads and creates what was selected.
/// @throws Failure(resolution) that names the plugin
RunPlugins create_plugins(const Selection& selection);

/// Drops the backends that a measurement left without any site.
void keep_backends(const Selection& selection, RunPlugins& plugins);

/// The dtype that a manifest's `compute` names: fp32, bf16 or fp16.
/// @throws Failure(resolution)
at::ScalarType compute_dtype_of(const Manifest& manifest);

/// Every plugin's verdict on every site.
std::vector<SiteVerdicts> ask_plugins(
    const RunPlugins& plugins,
    const std::vector<Site>& sites);

/// Says that the plugins were applied and that the ledger is what the plan
/// says. Only apply_plugins makes one and a Stepper needs one, so no stage
/// trains a model that was not checked.
class AppliedPlan {
 public:
  /// Lives as long as the plan that was applied.
  const Plan& plan() const {
    return *plan_;
  }
  const std::vector<std::shared_ptr<PrecisionBackend>>& backends() const {
    return backends_;
  }

 private:
  AppliedPlan() = default;
  friend AppliedPlan apply_plugins(const RunPlugins&, const Plan&, Decoder&);

  const Plan* plan_ = nullptr;
  std::vector<std::shared_ptr<PrecisionBackend>> backends_;
};

/// Fills the slots, then checks the ledger against the plan.
/// @throws Failure(resolution)
AppliedPlan
apply_plugins(const RunPlugins& plugins, const Plan& plan, Decoder& decoder);

/// "backend/<plugin>/<site>/<name>" and "feature/<name>/<tensor>".
State plugin_state(const RunPlugins& plugins, const Decoder& decoder);
/// @throws Failure(input) for a state of a feature that this run lacks, or of
/// a site that another backend computed
void load_plugin_state(
    const RunPlugins& plugins,
    const State& state,
    Decoder& decoder);

/// Name -> version, for checkpoints.
std::map<std::string, std::string> plugin_versions(const Selection& selection);

} // namespace octet
