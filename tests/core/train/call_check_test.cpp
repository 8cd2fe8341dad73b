// The counts of the first step against the plan.
#include "core/train/call_check.h"

#include "core/base/problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CallCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    add("model.layers.0.mlp.up_proj", SiteKind::linear, 0);
    add("model.embed_tokens", SiteKind::embedding, -1);
    add("lm_head", SiteKind::linear, -1);
    plan.sites[0].placements = {{"fast", "gemm", ""}};
    batch.microbatches.resize(3);
    for (Microbatch& microbatch : batch.microbatches) {
      microbatch.target_count = 5;
    }
    counts = {{"model.layers.0.mlp.up_proj", {3, 3}}, {"lm_head", {6, 6}}};
  }
  void add(const std::string& name, SiteKind kind, int64_t layer) {
    SitePlan site;
    site.site.name = name;
    site.site.kind = kind;
    site.site.layer = layer;
    site.calls = kind == SiteKind::linear
        ? CallPlan{1, 1, layer < 0 ? int64_t{4} : int64_t{0}}
        : CallPlan{};
    plan.sites.push_back(site);
  }
  std::string problem(bool activation_checkpointing = false) const {
    try {
      Plan used = plan;
      used.sites[0].calls.forward = activation_checkpointing ? 2 : 1;
      check_calls(used, batch, counts);
      return "";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::resolution);
      return failure.what();
    }
  }
  Plan plan;
  StepBatch batch;
  std::map<std::string, CallCount> counts;
};

TEST_F(CallCheck, CountsAsPlannedPass) {
  EXPECT_EQ(problem(), "");
}

TEST_F(CallCheck, BypassedGemmIsNamedWithItsPlugin) {
  counts["model.layers.0.mlp.up_proj"] = {0, 0};
  EXPECT_THAT(problem(), HasSubstr("model.layers.0.mlp.up_proj (fast)"));
  counts.erase("model.layers.0.mlp.up_proj");
  EXPECT_THAT(problem(), HasSubstr("counted 0 forward"));
}

TEST_F(CallCheck, MissingBackwardIsFound) {
  counts["model.layers.0.mlp.up_proj"] = {3, 2};
  EXPECT_THAT(problem(), HasSubstr("2 backward"));
}

TEST_F(CallCheck, RecomputationDoublesForwardsOfTheLayersOnly) {
  EXPECT_THAT(problem(true), HasSubstr("expected 6 forward"));
  EXPECT_THAT(problem(true), Not(HasSubstr("lm_head")));
  counts["model.layers.0.mlp.up_proj"] = {6, 3};
  EXPECT_EQ(problem(true), "");
}

// 5 targets in chunks of 4: two chunks a microbatch.
TEST_F(CallCheck, ChunksOfTheHeadAreCountedExactly) {
  for (const CallCount& wrong :
       {CallCount{5, 5}, {7, 7}, {6, 5}, {5, 6}, {0, 0}}) {
    counts["lm_head"] = wrong;
    EXPECT_THAT(problem(), HasSubstr("expected 6 forward and 6 backward"));
  }
  batch.microbatches[1].target_count = 0;
  counts["lm_head"] = {4, 4};
  EXPECT_EQ(problem(), "");
}

TEST_F(CallCheck, ASiteThatThePlanDoesNotKnowIsNamed) {
  counts["model.layers.9.mlp.up_proj"] = {1, 0};
  EXPECT_THAT(
      problem(),
      HasSubstr("model.layers.9.mlp.up_proj: the plan has no such site"));
}

TEST_F(CallCheck, EveryWrongSiteIsToldAtOnce) {
  counts.clear();
  EXPECT_THAT(problem(), HasSubstr("lm_head"));
  EXPECT_THAT(problem(), HasSubstr("up_proj"));
}

} // namespace
} // namespace octet
