// Plans for tests: a model of two layers whose counts are worked out by hand, a
// selection of manifests, and one verdict function for each plugin.
#pragma once

#include "core/base/problems.h"
#include "core/resolve/plan.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>

#include <functional>
#include <list>
#include <stdexcept>

namespace octet::placing {

using world::feature_toml;
using world::precision_toml;
using world::World;

// c = 8, f = 12, v = 20, 2 heads and 1 key/value head of 4, 2 layers, untied.
// Layer: q 64, k 32, v 32, o 64, gate 96, up 96, down 96, norms 16 = 496.
// In all: 2 * 496 + embedding 160 + head 160 + last norm 8 = 1320.
inline ModelSpec tiny_model() {
  ModelSpec spec;
  spec.architecture = "LlamaForCausalLM";
  spec.model_type = "llama";
  spec.vocab_size = 20;
  spec.hidden_size = 8;
  spec.intermediate_size = 12;
  spec.layers = 2;
  spec.heads = 2;
  spec.kv_heads = 1;
  spec.head_size = 4;
  spec.windows = {0, 0};
  return spec;
}

using Verdict = std::function<SiteVerdict(const Site&)>;

inline SiteVerdict all(const Site&) {
  return SiteVerdict::yes();
}

inline SiteVerdict linears(const Site& site) {
  return site.kind == SiteKind::linear ? SiteVerdict::yes()
                                       : SiteVerdict::skip("no linear");
}

// Two parameters a row and column: rank 2.
inline SiteVerdict low_rank(const Site& site) {
  if (site.role == "lm_head" || site.kind == SiteKind::embedding) {
    return SiteVerdict::skip("not a target");
  }
  return SiteVerdict::yes(2 * (site.in_features + site.out_features));
}

// A selection with one verdict function for each plugin.
class Placing {
 public:
  Placing() {
    world_.add(precision_toml("plain", 10));
    verdicts_["plain"] = linears;
  }

  Placing&
  feature(const std::string& name, const std::string& more, Verdict verdict) {
    world_.add(feature_toml(name, more));
    world_.use_feature(name);
    verdicts_[name] = std::move(verdict);
    return *this;
  }

  Placing& backend(Verdict verdict) {
    verdicts_["plain"] = std::move(verdict);
    return *this;
  }

  Plan place(const PlaceSettings& settings = {}) {
    std::vector<SiteVerdicts> answers;
    for (const auto& [name, verdict] : verdicts_) {
      answers.push_back({name, {}});
      for (const Site& site : tiny_model().sites()) {
        answers.back().verdicts.push_back(verdict(site));
      }
    }
    return place_plugins(world_.select(), tiny_model(), answers, settings);
  }

  std::string problem() {
    try {
      place();
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::resolution);
      return failure.what();
    }
    ADD_FAILURE() << "expected place to throw";
    return "";
  }

 private:
  // A plan points into its catalog, so the worlds outlive the tests.
  static World& new_world() {
    static std::list<World> worlds;
    return worlds.emplace_back();
  }

  World& world_ = new_world();
  std::map<std::string, Verdict> verdicts_;
};

inline const char* const kAdapter =
    "claims = [\"adapter\"]\nfreezes_base = true\n";

inline const SitePlan& site_of(const Plan& plan, const std::string& name) {
  for (const SitePlan& site : plan.sites) {
    if (site.site.name == name) {
      return site;
    }
  }
  throw std::logic_error("no site " + name);
}

inline std::vector<std::string> slots_of(
    const Plan& plan,
    const std::string& name) {
  std::vector<std::string> slots;
  for (const Placement& placement : site_of(plan, name).placements) {
    slots.push_back(placement.slot + " by " + placement.plugin);
  }
  return slots;
}

inline std::vector<LedgerEntry> faithful_ledger(const Plan& plan) {
  std::vector<LedgerEntry> ledger;
  for (const SitePlan& site : plan.sites) {
    for (const Placement& placement : site.placements) {
      ledger.push_back({placement.plugin, site.site.name, placement.slot});
    }
  }
  for (const auto& [op, plugin] : plan.ops) {
    ledger.push_back({plugin, "", "op:" + op});
  }
  for (const auto& [hook, plugins] : plan.hooks) {
    for (const std::string& plugin : plugins) {
      ledger.push_back({plugin, "", hook});
    }
  }
  return ledger;
}

inline SiteVerdict none(const Site&) {
  return SiteVerdict::skip("-");
}

inline const std::string kQ = "model.layers.0.self_attn.q_proj";

} // namespace octet::placing
