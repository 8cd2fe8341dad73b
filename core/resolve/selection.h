// The first pure step: run.toml, the catalog and the probes' verdicts decide
// which plugins run, in which order, or every conflict is told.
#pragma once

#include "core/config/run_config.h"
#include "core/plugin/catalog.h"
#include "core/plugin/loaded_plugin.h"
#include "core/resolve/gemm_timings.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace octet {

struct SelectedPlugin {
  const CatalogEntry* entry = nullptr;
  /// Complete: checked against the manifest, defaults filled in.
  OptionTable options;
  /// "asked" or "auto"
  std::string why;
  /// What the probe said of the machine, when it said something.
  std::string probed = {};
};

/// One row of the table of backend candidates.
struct Candidate {
  std::string name;
  int64_t rank = 0;
  /// "chosen", "not usable", or "not asked": a better one was found first, or
  /// it is chosen by name only. With precision.measure also "reference"; after
  /// the measurement "chosen too" or "measured slower"
  std::string verdict;
  std::string reason;
};

struct Selection {
  SelectedPlugin precision;
  /// With precision.measure: the backend that `precision` is measured against
  /// and that computes the sites which `precision` does not win.
  std::optional<SelectedPlugin> reference = std::nullopt;
  /// What was measured and what it decided.
  std::optional<Measurement> measurement = std::nullopt;
  /// In the order of application.
  std::vector<SelectedPlugin> features;
  std::vector<Candidate> candidates;
  /// Warnings of relations and options that are not used, as sentences.
  std::vector<std::string> notes;
};

/// Asks a plugin that has passed inspection for its verdict; tests inject one.
/// The options are complete.
using Prober =
    std::function<ProbeVerdict(const CatalogEntry&, const OptionTable&)>;

/// An explicit name never falls back; `auto` takes the usable candidate of the
/// highest rank, then of the first name. The result points into `catalog`.
/// @throws Failure(resolution) that lists every conflict with its way out
Selection select_plugins(
    const RunConfig& config,
    const Catalog& catalog,
    const OctetHost& host,
    const Prober& probe);

} // namespace octet
