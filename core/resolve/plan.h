// The second pure step: which plugin fills which slot of which site, and why.
// After it nobody decides anything again.
#pragma once

#include "core/base/terminal.h"
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

/// How often a microbatch calls a site's Gemm, derived from the plan alone.
struct CallPlan {
  int64_t forward = 0, backward = 0;
  /// Rows with a target that go through at once, each such chunk making the
  /// calls above; 0: all rows of the microbatch go through together.
  int64_t chunk_rows = 0;
};

struct CallCount {
  int64_t forward = 0;
  int64_t backward = 0;
  bool operator==(const CallCount&) const = default;
};

struct SitePlan {
  Site site;
  /// Filled slots; a slot that is not listed keeps the core's default.
  std::vector<Placement> placements;
  /// Plugins that left the site alone: name -> reason.
  std::map<std::string, std::string> skipped;
  bool trainable = false;
  /// Of a linear layer.
  CallPlan calls = {};
};

struct Plan {
  Selection selection;
  std::string compute_dtype;
  std::vector<SitePlan> sites;
  /// Ops that a plugin replaces: op -> plugin.
  std::map<std::string, std::string> ops;
  /// Hooks that features register: hook -> plugins, in the order of
  /// application.
  std::map<std::string, std::vector<std::string>> hooks;
  int64_t total_parameters = 0;
  int64_t trainable_parameters = 0;
  /// Whether the base weights are trained.
  bool trains_base = true;
};

/// On the CPU; a GPU wants larger products.
inline constexpr int64_t kHeadChunkBytes = int64_t{32} << 20;

/// What of a run.toml decides how often sites compute.
struct PlaceSettings {
  bool activation_checkpointing = false;
  /// Bytes of fp32 logits that the head computes at once.
  int64_t head_chunk_bytes = kHeadChunkBytes;
};

/// @throws Failure(resolution) with every conflict: an exclusive slot claimed
/// twice, a plugin that accepts no site, a feature that claims nothing, nothing
/// left to train
Plan place_plugins(
    Selection selection,
    const ModelSpec& spec,
    const std::vector<SiteVerdicts>& verdicts,
    const PlaceSettings& settings = {});

/// Rows of logits that the head computes at once: as many as have that many
/// bytes in fp32, at least one.
int64_t head_chunk_rows(int64_t vocab_size, int64_t bytes = kHeadChunkBytes);

/// Calls that a step makes at one site.
/// @param targets for each microbatch, how many of its targets count
CallCount expected_calls(
    const CallPlan& plan,
    const std::vector<int64_t>& targets);

/// One entry of what the model editor saw a plugin do.
struct LedgerEntry {
  std::string plugin;
  std::string site; ///< empty for an op or a hook
  std::string slot; ///< or "op:<name>", or a hook: "step_end"
};

/// @throws Failure(resolution) naming each difference: planned but not done,
/// done but not planned, done twice
void verify_ledger(const Plan& plan, const std::vector<LedgerEntry>& ledger);

/// resolution.json: the selection, the candidates, every site with its slots.
nlohmann::json to_json(const Plan& plan);

/// How many slots, ops and hooks each plugin fills:
/// {"te": {"gemm": 182}, "lora": {"adapter": 210}}.
nlohmann::json slot_counts(const Plan& plan);

/// The lines printed at the start of a run: one for each plugin, the candidates
/// of `auto`, the parameters, the warnings.
std::string describe(const Plan& plan, const Style& style = {});

/// What runs in each slot of each site and why, equal layers folded into one
/// line: "model.layers.0-29.self_attn.q_proj  576 x 576  frozen  gemm bf16".
std::string describe_sites(const Plan& plan, const Style& style = {});

/// 139399488 -> "139,399,488"
std::string grouped(int64_t number);

} // namespace octet
