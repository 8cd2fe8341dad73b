// place, the ledger, and what is printed and written of a plan. The model has
// two layers; its counts are worked out by hand in the comments.
#include "core/base/problems.h"
#include "core/resolve/plan.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <list>

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using world::feature_toml;
using world::precision_toml;
using world::World;

// c = 8, f = 12, v = 20, 2 heads and 1 key/value head of 4, 2 layers, untied.
// Layer: q 64, k 32, v 32, o 64, gate 96, up 96, down 96, norms 16 = 496.
// In all: 2 * 496 + embedding 160 + head 160 + last norm 8 = 1320.
ModelSpec tiny_model() {
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

SiteVerdict all(const Site&) {
  return SiteVerdict::yes();
}

SiteVerdict linears(const Site& site) {
  return site.kind == SiteKind::linear ? SiteVerdict::yes()
                                       : SiteVerdict::skip("no linear");
}

// Two parameters a row and column: rank 2.
SiteVerdict low_rank(const Site& site) {
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

  Plan place() {
    std::vector<SiteVerdicts> answers;
    for (const auto& [name, verdict] : verdicts_) {
      answers.push_back({name, {}});
      for (const Site& site : tiny_model().sites()) {
        answers.back().verdicts.push_back(verdict(site));
      }
    }
    return place_plugins(world_.select(), tiny_model(), answers);
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

const char* const kAdapter = "claims = [\"adapter\"]\nfreezes_base = true\n";

const SitePlan& site_of(const Plan& plan, const std::string& name) {
  for (const SitePlan& site : plan.sites) {
    if (site.site.name == name) {
      return site;
    }
  }
  throw std::logic_error("no site " + name);
}

std::vector<std::string> slots_of(const Plan& plan, const std::string& name) {
  std::vector<std::string> slots;
  for (const Placement& placement : site_of(plan, name).placements) {
    slots.push_back(placement.slot + " by " + placement.plugin);
  }
  return slots;
}

std::vector<LedgerEntry> faithful_ledger(const Plan& plan) {
  std::vector<LedgerEntry> ledger;
  for (const SitePlan& site : plan.sites) {
    for (const Placement& placement : site.placements) {
      ledger.push_back({placement.plugin, site.site.name, placement.slot});
    }
  }
  for (const auto& [op, plugin] : plan.ops) {
    ledger.push_back({plugin, "", "op:" + op});
  }
  return ledger;
}

const std::string kQ = "model.layers.0.self_attn.q_proj";

TEST(Place, GivesTheGemmOfEveryLinearToTheBackend) {
  const Plan plan = Placing().place();
  EXPECT_EQ(plan.sites.size(), 16u);
  EXPECT_EQ(plan.compute_dtype, "bf16");
  EXPECT_THAT(slots_of(plan, kQ), ElementsAre("gemm by plain"));
  EXPECT_THAT(slots_of(plan, "lm_head"), ElementsAre("gemm by plain"));
}

TEST(Place, NeverGivesAnEmbeddingAGemm) {
  const Plan plan = Placing().backend(all).place();
  EXPECT_THAT(slots_of(plan, "model.embed_tokens"), testing::IsEmpty());
  EXPECT_EQ(
      site_of(plan, "model.embed_tokens").skipped.at("plain"),
      "an embedding has no GEMM");
}

TEST(Place, KeepsTheReasonOfASiteThatIsLeftAlone) {
  const Plan plan = Placing()
                        .backend([](const Site& site) {
                          return site.role == "k_proj"
                              ? SiteVerdict::skip("too small")
                              : linears(site);
                        })
                        .place();
  const SitePlan& site = site_of(plan, "model.layers.1.self_attn.k_proj");
  EXPECT_TRUE(site.placements.empty());
  EXPECT_EQ(site.skipped.at("plain"), "too small");
}

TEST(Place, CountsParametersOfAFullFineTuning) {
  const Plan plan = Placing().place();
  EXPECT_TRUE(plan.trains_base);
  EXPECT_EQ(plan.total_parameters, 1320);
  EXPECT_EQ(plan.trainable_parameters, 1320);
  EXPECT_TRUE(site_of(plan, "model.embed_tokens").trainable);
}

TEST(Place, CountsOnlyTheAddedParametersWhenTheBaseIsFrozen) {
  const Plan plan = Placing().feature("low", kAdapter, low_rank).place();
  // A layer: 2 * (16 + 12 + 12 + 16 + 20 + 20 + 20) = 232; two layers 464.
  EXPECT_FALSE(plan.trains_base);
  EXPECT_EQ(plan.trainable_parameters, 464);
  EXPECT_EQ(plan.total_parameters, 1320 + 464);
  EXPECT_TRUE(site_of(plan, kQ).trainable);
  EXPECT_FALSE(site_of(plan, "lm_head").trainable);
}

TEST(Place, AnyNumberOfAdaptersShareASite) {
  const Plan plan = Placing()
                        .feature("low", kAdapter, low_rank)
                        .feature("mid", kAdapter, low_rank)
                        .place();
  EXPECT_THAT(
      slots_of(plan, kQ),
      ElementsAre("gemm by plain", "adapter by low", "adapter by mid"));
}

TEST(Place, TwoClaimsOfAnExclusiveSlotConflictOnceWithTheCount) {
  const char* const claims = "claims = [\"weight_transform\"]\n";
  EXPECT_EQ(
      Placing()
          .feature("a", claims, linears)
          .feature("b", claims, linears)
          .problem(),
      "[resolve] a and b both claim slot weight_transform (remove one of them) "
      "at " +
          kQ + " and 14 more");
}

TEST(Place, AFeatureThatTakesTheGemmConflictsWithTheBackend) {
  EXPECT_THAT(
      Placing().feature("a", "claims = [\"gemm\"]\n", linears).problem(),
      HasSubstr("plain and a both claim slot gemm"));
}

TEST(Place, ClaimsOfDifferentSitesDoNotConflict) {
  const char* const claims = "claims = [\"weight_transform\"]\n";
  const auto only = [](const std::string& role) {
    return [role](const Site& site) {
      return site.role == role ? SiteVerdict::yes()
                               : SiteVerdict::skip("not mine");
    };
  };
  EXPECT_NO_THROW(Placing()
                      .feature("a", claims, only("q_proj"))
                      .feature("b", claims, only("k_proj"))
                      .place());
}

TEST(Place, AVerdictMayNameSomeOfTheClaimedSlots) {
  const Plan plan =
      Placing()
          .feature(
              "a",
              "claims = [\"weight_transform\", \"input_transform\"]\n",
              [](const Site& site) {
                SiteVerdict verdict = linears(site);
                verdict.slots = {"weight_transform"};
                return verdict;
              })
          .place();
  EXPECT_THAT(
      slots_of(plan, kQ),
      ElementsAre("gemm by plain", "weight_transform by a"));
}

TEST(Place, ASlotThatTheManifestDoesNotClaimIsRefused) {
  EXPECT_THAT(
      Placing()
          .feature(
              "a",
              "claims = [\"adapter\"]\n",
              [](const Site& site) {
                SiteVerdict verdict = linears(site);
                verdict.slots = {"weight"};
                return verdict;
              })
          .problem(),
      HasSubstr(
          "features.a wants slot weight, which its manifest does not "
          "claim, at " +
          kQ + " and 14 more"));
}

TEST(Place, AnAdapterCannotSitAtAnEmbedding) {
  EXPECT_EQ(
      Placing().feature("a", "claims = [\"adapter\"]\n", all).problem(),
      "[resolve] features.a accepts embeddings, which have no slot adapter, at "
      "model.embed_tokens");
}

TEST(Place, AFeatureThatAcceptsNothingIsAnErrorWithTheReasons) {
  EXPECT_EQ(
      Placing()
          .feature(
              "a",
              "claims = [\"adapter\"]\n",
              [](const Site& site) {
                return SiteVerdict::skip(
                    site.role == "lm_head" ? "the head" : "not a target");
              })
          .problem(),
      "[resolve] features.a accepts none of the model's 16 sites: not a target "
      "(15), the head (1)");
}

TEST(Place, ABackendThatAcceptsNothingIsAnError) {
  EXPECT_THAT(
      Placing()
          .backend([](const Site&) { return SiteVerdict::skip("odd size"); })
          .problem(),
      HasSubstr("precision.backend = \"plain\" accepts none of the model's 16 "
                "sites: an embedding has no GEMM (1), odd size (15)"));
}

TEST(Place, AFeatureWithoutSlotsIsNotAskedForSites) {
  EXPECT_NO_THROW(
      Placing()
          .feature(
              "logger", "", [](const Site&) { return SiteVerdict::skip("-"); })
          .place());
}

TEST(Place, NothingLeftToTrainIsAnError) {
  EXPECT_EQ(
      Placing().feature("a", kAdapter, linears).problem(),
      "[resolve] features.a freezes the base model and nothing adds parameters "
      "to train");
}

TEST(Place, OpsGoToTheFeatureThatClaimsThem) {
  const Plan plan =
      Placing()
          .feature("fast", "claims = [\"op:rope\", \"op:swiglu\"]\n", linears)
          .place();
  EXPECT_EQ(plan.ops.at("rope"), "fast");
  EXPECT_EQ(plan.ops.at("swiglu"), "fast");
  EXPECT_THAT(slots_of(plan, kQ), ElementsAre("gemm by plain"));
}

TEST(Place, TwoFeaturesThatReplaceOneOpConflict) {
  EXPECT_THAT(
      Placing()
          .feature("a", "claims = [\"op:rope\"]\n", linears)
          .feature("b", "claims = [\"op:rope\"]\n", linears)
          .problem(),
      HasSubstr("a and b both replace op rope"));
}

TEST(Place, AMissingVerdictIsADefectNotAPlan) {
  World world;
  world.add(precision_toml("plain", 10));
  EXPECT_THROW(
      place_plugins(world.select(), tiny_model(), {{"plain", {}}}), Error);
}

TEST(Ledger, ThatEqualsThePlanPasses) {
  const Plan plan = Placing()
                        .feature("low", kAdapter, low_rank)
                        .feature("fast", "claims = [\"op:rope\"]\n", linears)
                        .place();
  EXPECT_NO_THROW(verify_ledger(plan, faithful_ledger(plan)));
}

std::string difference(const Plan& plan, const std::vector<LedgerEntry>& done) {
  try {
    verify_ledger(plan, done);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

TEST(Ledger, NamesASiteThatNobodyConverted) {
  const Plan plan = Placing().feature("low", kAdapter, low_rank).place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  // The first site's gemm comes first, its adapter second.
  ledger.erase(ledger.begin() + 1);
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] low was planned to fill, but did not fill slot adapter of " +
          kQ);
}

TEST(Ledger, CountsTheSitesOfOneDifference) {
  const Plan plan = Placing().feature("low", kAdapter, low_rank).place();
  EXPECT_EQ(
      difference(plan, {}),
      "[verify] the model is not what was planned:\n"
      "  - low was planned to fill, but did not fill slot adapter of " +
          kQ +
          " and of 13 more\n"
          "  - plain was planned to fill, but did not fill slot gemm of " +
          kQ + " and of 14 more");
}

TEST(Ledger, NamesASiteThatWasConvertedTwice) {
  const Plan plan = Placing().place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  ledger.push_back(ledger.front());
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] plain filled more than once slot gemm of " + kQ);
}

TEST(Ledger, NamesASlotThatSomebodyElseFilled) {
  const Plan plan = Placing().place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  ledger.front().plugin = "other";
  EXPECT_THAT(
      difference(plan, ledger),
      AllOf(
          HasSubstr(
              "other was not planned to fill, but filled slot gemm of " + kQ),
          HasSubstr(
              "plain was planned to fill, but did not fill slot gemm of " +
              kQ)));
}

TEST(Ledger, NamesAnOpThatWasNotReplaced) {
  const Plan plan =
      Placing().feature("fast", "claims = [\"op:rope\"]\n", linears).place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  ledger.pop_back();
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] fast was planned to fill, but did not fill op:rope");
}

Plan described_plan() {
  return Placing()
      .backend([](const Site& site) {
        if (site.role == "lm_head") {
          return SiteVerdict::skip("lm_head");
        }
        return site.role == "k_proj" ? SiteVerdict::skip("below the size")
                                     : linears(site);
      })
      .feature("low", kAdapter, low_rank)
      .feature("fast", "claims = [\"op:rope\", \"op:swiglu\"]\n", linears)
      .place();
}

TEST(Describe, PrintsEveryDecision) {
  EXPECT_EQ(
      describe(described_plan()),
      "precision: plain (auto), 12 of 15 linears; 3 bf16: lm_head (1), below "
      "the size (2)\n"
      "  candidate  rank  verdict  reason\n"
      "  plain        10  chosen   the first usable one\n"
      "feature: fast (asked), replaces rope and swiglu\n"
      "feature: low (asked), adapter at 14 of 16 sites; 2 left alone: not a "
      "target (2)\n"
      "parameters: 464 trained of 1,784 (26.01%); low freezes the base\n");
}

TEST(Describe, SaysHowABackendComputesWhereItSaysSo) {
  const Plan plan = Placing()
                        .backend([](const Site& site) {
                          SiteVerdict verdict = linears(site);
                          verdict.reason = verdict.accepted ? "EMULATED" : "";
                          return verdict;
                        })
                        .place();
  EXPECT_THAT(
      describe(plan),
      testing::StartsWith("precision: plain (auto), 15 of 15 linears "
                          "(EMULATED)\n"));
}

TEST(Describe, SaysNothingOfWhatDidNotHappen) {
  EXPECT_EQ(
      describe(Placing().place()),
      "precision: plain (auto), 15 of 15 linears\n"
      "  candidate  rank  verdict  reason\n"
      "  plain        10  chosen   the first usable one\n"
      "parameters: 1,320 trained of 1,320 (100.00%)\n");
}

TEST(ResolutionJson, HasTheDocumentedKeys) {
  const nlohmann::json json = to_json(described_plan());
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) {
    keys.push_back(key);
  }
  EXPECT_THAT(
      keys,
      ElementsAre(
          "candidates",
          "compute_dtype",
          "features",
          "notes",
          "ops",
          "parameters",
          "precision",
          "sites",
          "version"));
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["compute_dtype"], "bf16");
  EXPECT_EQ(
      json["parameters"],
      nlohmann::json::parse(
          R"({"total": 1784, "trainable": 464, "trains_base": false})"));
  EXPECT_EQ(
      json["candidates"],
      nlohmann::json::parse(R"([{"name": "plain", "rank": 10,
        "verdict": "chosen", "reason": "the first usable one"}])"));
  EXPECT_EQ(
      json["precision"],
      nlohmann::json::parse(R"({"name": "plain", "version": "0.1.0",
        "why": "auto", "origin": "installed", "path": "/plugins/plain.so",
        "options": {}})"));
  EXPECT_EQ(json["ops"]["rope"], "fast");
}

TEST(ResolutionJson, SaysWhatRunsInEverySlotAndWhy) {
  const nlohmann::json json = to_json(described_plan());
  EXPECT_EQ(json["sites"][2], nlohmann::json::parse(R"({
        "name": "model.layers.0.self_attn.k_proj", "kind": "linear",
        "weight": "model.layers.0.self_attn.k_proj.weight",
        "in_features": 8, "out_features": 4, "trainable": true,
        "slots": [
          {"slot": "adapter", "by": "low", "reason": ""},
          {"slot": "gemm", "by": "core", "reason": "below the size"}],
        "skipped": {"plain": "below the size"}})"));
}

TEST(ResolutionJson, KeepsEveryOptionWithItsOrigin) {
  World world;
  world.add(precision_toml(
      "plain",
      10,
      "[options.recipe]\ntype = \"string\"\ndefault = \"a\"\nhelp = \"h\"\n"
      "[options.sizes]\ntype = \"strings\"\ndefault = [\"x\"]\nhelp = "
      "\"h\"\n"));
  world.set_option(
      world.config.precision.tables["plain"], "recipe", std::string("b"));
  std::vector<SiteVerdicts> verdicts = {{"plain", {}}};
  for (const Site& site : tiny_model().sites()) {
    verdicts[0].verdicts.push_back(linears(site));
  }
  const auto json =
      to_json(place_plugins(world.select(), tiny_model(), verdicts));
  EXPECT_EQ(json["precision"]["options"], nlohmann::json::parse(R"({
        "recipe": {"value": "b", "from": "run.toml:21"},
        "sizes": {"value": ["x"], "from": "default"}})"));
}

} // namespace
} // namespace octet
