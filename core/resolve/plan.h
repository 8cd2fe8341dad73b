// The second pure step: which plugin fills which slot of which site, and why.
// After it nobody decides anything again.
#pragma once

#include "core/resolve/selection.h"
#include "core/spec/model_spec.h"

#include <octet/site.h>

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>
#include <vector>

namespace octet {

/// One plugin's verdict on every site, in the order of ModelSpec::sites.
struct SiteVerdicts {
  std::string plugin;
  std::vector<SiteVerdict> verdicts;
};

/// What one plugin does in one slot of one site.
struct Placement {
  std::string plugin;
  std::string slot;
  std::string reason;
};

struct SitePlan {
  Site site;
  /// Filled slots; a slot that is not listed keeps the core's default.
  std::vector<Placement> placements;
  /// Plugins that left the site alone: name -> reason.
  std::map<std::string, std::string> skipped;
  bool trainable = false;
};

struct Plan {
  Selection selection;
  std::string compute_dtype;
  std::vector<SitePlan> sites;
  /// Ops that a plugin replaces: op -> plugin.
  std::map<std::string, std::string> ops;
  int64_t total_parameters = 0;
  int64_t trainable_parameters = 0;
  /// Whether the base weights are trained.
  bool trains_base = true;
};

/// @throws Failure(resolution) with every conflict: an exclusive slot claimed
/// twice, a plugin that accepts no site, nothing left to train
Plan place_plugins(
    Selection selection,
    const ModelSpec& spec,
    const std::vector<SiteVerdicts>& verdicts);

/// One entry of what the model editor saw a plugin do.
struct LedgerEntry {
  std::string plugin;
  std::string site; ///< empty for an op
  std::string slot; ///< or "op:<name>"
};

/// @throws Failure(resolution) naming each difference: planned but not done,
/// done but not planned, done twice
void verify_ledger(const Plan& plan, const std::vector<LedgerEntry>& ledger);

/// resolution.json: the selection, the candidates, every site with its slots.
nlohmann::json to_json(const Plan& plan);

/// The table printed at the start of a run.
std::string describe(const Plan& plan);

} // namespace octet
