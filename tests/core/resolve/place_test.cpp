// place: who fills which slot, what conflicts, how often sites compute. The
// model has two layers; its counts are worked out by hand in the comments.
#include "tests/core/resolve/placing.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using namespace placing;
using testing::ElementsAre;
using testing::HasSubstr;

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
  const Plan plan = Placing()
                        .feature("logger", "claims = [\"step_end\"]\n", none)
                        .feature("watcher", "claims = [\"step_end\"]\n", none)
                        .place();
  EXPECT_THAT(plan.hooks.at("step_end"), ElementsAre("logger", "watcher"));
  EXPECT_THAT(slots_of(plan, kQ), ElementsAre("gemm by plain"));
}

CallCount calls(
    const Plan& plan,
    const std::string& site,
    const std::vector<int64_t>& targets) {
  return expected_calls(site_of(plan, site).calls, targets);
}

// 32 MiB of fp32 logits: 2^23 of them, so 419,430 rows of 20.
TEST(Place, DerivesTheCallsOfEverySite) {
  const Plan plan = Placing().feature("low", kAdapter, low_rank).place();
  EXPECT_EQ(head_chunk_rows(20), 419'430);
  EXPECT_EQ(head_chunk_rows(49'152), 170);
  EXPECT_EQ(head_chunk_rows(int64_t{1} << 30), 1);
  // Frozen or not, a layer hands the gradient on; the second microbatch has no
  // target, so the head does not run there, and the third takes two chunks.
  const std::vector<int64_t> targets = {5, 0, 419'431};
  EXPECT_EQ(calls(plan, kQ, targets), (CallCount{3, 3}));
  EXPECT_EQ(calls(plan, "lm_head", targets), (CallCount{3, 3}));
  EXPECT_EQ(calls(plan, "lm_head", {419'430}), (CallCount{1, 1}));
  EXPECT_EQ(calls(plan, "model.embed_tokens", targets), (CallCount{0, 0}));
}

TEST(Place, RecomputationRunsLayersForwardTwiceAndTheHeadOnce) {
  const Plan plan = Placing().place({.activation_checkpointing = true});
  EXPECT_EQ(calls(plan, kQ, {5, 5}), (CallCount{4, 2}));
  EXPECT_EQ(calls(plan, "lm_head", {5, 5}), (CallCount{2, 2}));
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

TEST(Place, AMissingVerdictIsADefectNotAPlan) {
  World world;
  world.add(precision_toml("plain", 10));
  EXPECT_THROW(
      place_plugins(world.select(), tiny_model(), {{"plain", {}}}), Error);
}

} // namespace
} // namespace octet
