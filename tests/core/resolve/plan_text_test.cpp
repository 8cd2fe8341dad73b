// What is printed and written of a plan.
#include "tests/core/resolve/placing.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace octet {
namespace {

using namespace placing;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

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

// Both layers say the same except at k_proj, so each role is one line.
TEST(Describe, FoldsEqualLayersIntoOneLineASite) {
  const Plan plan = Placing()
                        .backend([](const Site& site) {
                          return site.role == "k_proj" && site.layer == 1
                              ? SiteVerdict::skip("too small")
                              : linears(site);
                        })
                        .feature("low", kAdapter, low_rank)
                        .feature("fast", "claims = [\"op:rope\"]\n", linears)
                        .feature("logger", "claims = [\"step_end\"]\n", none)
                        .place();
  const std::string text = describe_sites(plan);
  const auto line = [&](const std::string& site,
                        const std::string& shape,
                        const std::string& rest) {
    return testing::ContainsRegex(
        "\n  " + site + " +" + shape + "  frozen  " + rest + "\n");
  };
  EXPECT_THAT(
      text,
      AllOf(
          HasSubstr("  site "),
          line("model.embed_tokens", "20 x 8", "not low \\(not a target\\)"),
          line(
              "model.layers.0-1.self_attn.q_proj",
              "8 x 8",
              "gemm plain; adapter low"),
          line(
              "model.layers.0.self_attn.k_proj",
              "4 x 8",
              "gemm plain; adapter low"),
          line(
              "model.layers.1.self_attn.k_proj",
              "4 x 8",
              "adapter low; gemm of the core in bf16 "
              "\\(not plain: too small\\)")));
  EXPECT_THAT(
      text,
      AllOf(
          HasSubstr("\n  op rope by fast\n"),
          HasSubstr("\n  hook step_end of logger\n"),
          Not(HasSubstr("\033"))));
  // A heading, 10 kinds of line of sites, the op, the hook.
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 13);
}

TEST(Describe, ColoursOnlyWhenAsked) {
  const Plan plan = Placing().place();
  EXPECT_THAT(describe(plan), Not(HasSubstr("\033")));
  EXPECT_THAT(describe(plan, Style(true)), HasSubstr("\033[32mchosen"));
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
          "hooks",
          "notes",
          "ops",
          "parameters",
          "precision",
          "sites",
          "version"));
  EXPECT_EQ(json["version"], 3);
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
        "calls": {"forward": 1, "backward": 1, "chunk_rows": 0},
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
