// precision.measure in select and place: a candidate with the backend that it
// is measured against, and a plan with both.
#include "core/base/problems.h"
#include "core/resolve/plan.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using world::precision_toml;
using world::World;

World measuring() {
  World world;
  world.add(precision_toml("plain", 10, "reference = true\n"));
  world.add(precision_toml("eight", 50, "provides = [\"fp8\"]\n"));
  world.config.precision.measure = true;
  return world;
}

TEST(SelectMeasured, TakesTheReferenceBesideTheCandidate) {
  World world = measuring();
  const Selection selection = world.select();
  EXPECT_EQ(selection.precision.entry->manifest.name, "eight");
  ASSERT_TRUE(selection.reference);
  EXPECT_EQ(selection.reference->entry->manifest.name, "plain");
  EXPECT_EQ(selection.reference->why, "auto");
  EXPECT_THAT(world.probed, ElementsAre("eight", "plain"));
  EXPECT_EQ(selection.candidates.at(1).verdict, "reference");
}

TEST(SelectMeasured, WithoutMeasuringTheReferenceIsNotAsked) {
  World world = measuring();
  world.config.precision.measure = false;
  EXPECT_FALSE(world.select().reference);
  EXPECT_THAT(world.probed, ElementsAre("eight"));
}

TEST(SelectMeasured, ReferenceThatIsTheBestMeasuresNothingAndSaysSo) {
  World world = measuring();
  world.probes["eight"] = {false, "no such GPU"};
  const Selection selection = world.select();
  EXPECT_EQ(selection.precision.entry->manifest.name, "plain");
  EXPECT_FALSE(selection.reference);
  ASSERT_EQ(selection.notes.size(), 1u);
  EXPECT_THAT(selection.notes[0], HasSubstr("nothing is measured"));
}

TEST(SelectMeasured, NothingToMeasureAgainstIsAnError) {
  World world = measuring();
  world.probes["plain"] = {false, "broken"};
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("eight cannot be measured"),
          HasSubstr("set precision.measure = false")));
}

TEST(SelectMeasured, TwoComputeDtypesAreRefused) {
  World world;
  std::string toml = precision_toml("wide", 10, "reference = true\n");
  toml.replace(toml.find("\"bf16\""), 6, "\"fp32\"");
  world.add(toml);
  world.add(precision_toml("eight", 50));
  world.config.precision.measure = true;
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("eight computes in bf16"),
          HasSubstr("the reference wide in fp32")));
}

TEST(SelectMeasured, EmulationThatTheRunSetsMayBeMeasured) {
  World world = world::backends();
  world.config.precision.measure = true;
  EXPECT_FALSE(world.select().reference);
  world.set_option(world.config.precision.tables["eight"], "emulate", true);
  const Selection selection = world.select();
  EXPECT_EQ(selection.precision.entry->manifest.name, "eight");
  EXPECT_TRUE(selection.reference);
  world.config.precision.measure = false;
  EXPECT_EQ(world.select().precision.entry->manifest.name, "plain");
}

class PlaceMeasured : public ::testing::Test {
 protected:
  PlaceMeasured() {
    spec_.architecture = "LlamaForCausalLM";
    spec_.model_type = "llama";
    spec_.vocab_size = 20;
    spec_.hidden_size = 8;
    spec_.intermediate_size = 12;
    spec_.layers = 1;
    spec_.heads = 2;
    spec_.kv_heads = 1;
    spec_.head_size = 4;
    spec_.windows = {0};
  }
  /// eight takes what `wins` says, plain the other linears but the head.
  Plan place(bool (*wins)(const Site&)) {
    std::vector<SiteVerdicts> verdicts = {{"eight", {}}, {"plain", {}}};
    for (const Site& site : spec_.sites()) {
      const bool won = site.kind == SiteKind::linear && wins(site);
      verdicts[0].verdicts.push_back(
          won ? SiteVerdict::yes()
              : SiteVerdict::skip("measured: 0.92x of plain"));
      SiteVerdict rest = SiteVerdict::skip("eight computes it");
      if (!won && site.role != "lm_head") {
        rest = SiteVerdict::yes();
        rest.reason = "measured: 0.92x of plain";
      }
      verdicts[1].verdicts.push_back(rest);
    }
    return place_plugins(world_.select(), spec_, verdicts);
  }
  static const SitePlan& site(const Plan& plan, const std::string& role) {
    for (const SitePlan& item : plan.sites) {
      if (item.site.role == role) {
        return item;
      }
    }
    throw std::logic_error("no site " + role);
  }

  World world_ = measuring();
  ModelSpec spec_;
};

TEST_F(PlaceMeasured, GivesEverySiteItsBackendAndTheRestToTheCore) {
  const Plan plan = place([](const Site& s) { return s.role == "up_proj"; });
  EXPECT_EQ(site(plan, "up_proj").placements.at(0).plugin, "eight");
  EXPECT_EQ(site(plan, "q_proj").placements.at(0).plugin, "plain");
  EXPECT_EQ(
      site(plan, "q_proj").placements.at(0).reason, "measured: 0.92x of plain");
  EXPECT_TRUE(site(plan, "lm_head").placements.empty());
  const nlohmann::json json = to_json(plan);
  EXPECT_EQ(json["reference"]["name"], "plain");
  for (const nlohmann::json& item : json["sites"]) {
    if (item["name"] == "model.layers.0.self_attn.q_proj") {
      ASSERT_EQ(item["slots"].size(), 1u);
      EXPECT_EQ(item["slots"][0]["by"], "plain");
      EXPECT_EQ(item["skipped"]["eight"], "measured: 0.92x of plain");
    }
    if (item["name"] == "lm_head") {
      EXPECT_EQ(item["slots"][0]["by"], "core");
    }
  }
  EXPECT_THAT(
      describe(plan),
      HasSubstr("precision: eight (auto), 1 of 8 linears; 7 plain: measured"));
  const std::string sites = describe_sites(plan);
  EXPECT_THAT(
      sites,
      AllOf(
          ContainsRegex("up_proj [^\n]*  gemm eight\n"),
          ContainsRegex("q_proj [^\n]*  gemm plain \\(measured: 0.92x of "
                        "plain\\)\n"),
          ContainsRegex("lm_head [^\n]*  gemm of the core in bf16 \\(not "
                        "eight: measured: 0.92x of plain; not plain: eight "
                        "computes it\\)\n"),
          ContainsRegex("embed_tokens [^\n]*  look-up of the core\n")));
}

TEST_F(PlaceMeasured, LedgerCoversBothBackends) {
  const Plan plan = place([](const Site& s) { return s.role == "up_proj"; });
  std::vector<LedgerEntry> ledger;
  for (const SitePlan& item : plan.sites) {
    for (const Placement& placement : item.placements) {
      ledger.push_back({placement.plugin, item.site.name, placement.slot});
    }
  }
  EXPECT_NO_THROW(verify_ledger(plan, ledger));
  for (LedgerEntry& entry : ledger) {
    entry.plugin = "plain";
  }
  EXPECT_THROW(verify_ledger(plan, ledger), Failure);
}

TEST_F(PlaceMeasured, VerdictsThatWereNotSettledClash) {
  const std::vector<Site> sites = spec_.sites();
  std::vector<SiteVerdicts> verdicts = {{"eight", {}}, {"plain", {}}};
  for (SiteVerdicts& item : verdicts) {
    item.verdicts.assign(sites.size(), SiteVerdict::yes());
  }
  EXPECT_THROW(place_plugins(world_.select(), spec_, verdicts), Failure);
}

} // namespace
} // namespace octet
