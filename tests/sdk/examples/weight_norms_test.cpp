// The weight_norms example in a small decoder, against norms from plain loops.
#include "sdk/examples/weight_norms/weight_norms.h"
#include "tests/core/model/tiny_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace octet::weight_norms {
namespace {

struct NormsRun {
  explicit NormsRun(Settings settings)
      : feature(std::move(settings), [this](const std::string& line) {
          lines.push_back(line);
        }) {
    for (const Site& site : spec.sites()) {
      SitePlan entry;
      entry.site = site;
      plan.sites.push_back(std::move(entry));
    }
    plan.hooks["step_end"] = {"weight_norms"};
    feature.apply(*decoder->editor("weight_norms", plan, ledger));
  }

  void step(int64_t number) {
    StepReport report;
    report.step = number;
    decoder->run_step_hooks(report);
  }

  /// Over every element of every weight of a role.
  double norm_of(const std::string& role) {
    double square = 0;
    for (const Parameter* parameter : decoder->parameters()) {
      if (parameter->name.find("." + role + ".weight") != std::string::npos) {
        const at::Tensor flat = parameter->master.reshape({-1});
        const float* values = flat.const_data_ptr<float>();
        for (int64_t i = 0; i < flat.numel(); ++i) {
          square += static_cast<double>(values[i]) * values[i];
        }
      }
    }
    return std::sqrt(square);
  }

  ModelSpec spec = testing::tiny_spec();
  Plan plan;
  std::vector<LedgerEntry> ledger;
  std::vector<std::string> lines;
  std::unique_ptr<Decoder> decoder = testing::make_decoder(spec);
  WeightNorms feature;
};

TEST(WeightNorms, AreThoseOfAPlainLoop) {
  NormsRun run({1, {"q_proj", "up_proj"}});
  const std::vector<RoleNorm> rows = run.feature.measure();
  ASSERT_EQ(rows.size(), 2u);
  for (const RoleNorm& row : rows) {
    EXPECT_NEAR(row.norm / run.norm_of(row.role), 1, 1e-12) << row.role;
    EXPECT_EQ(row.change, 0);
  }
}

TEST(WeightNorms, FollowTheWeightsAsTheyChange) {
  NormsRun run({1, {"q_proj"}});
  const double before = run.feature.measure().at(0).norm;
  for (Parameter* parameter : run.decoder->parameters()) {
    parameter->master.mul_(3);
    ++parameter->version;
  }
  const RoleNorm row = run.feature.measure().at(0);
  EXPECT_NEAR(row.norm / before, 3, 1e-6);
  EXPECT_NEAR(row.change / before, 2, 1e-6);
}

TEST(WeightNorms, AreLoggedEveryNthStep) {
  NormsRun run({5, {"o_proj"}});
  for (int64_t step = 1; step <= 11; ++step) {
    run.step(step);
  }
  EXPECT_THAT(
      run.lines,
      ::testing::ElementsAre(
          ::testing::StartsWith("step 5: |o_proj| = "),
          ::testing::StartsWith("step 10: |o_proj| = ")));
}

TEST(WeightNorms, AnEmptyListOfRolesMeansAllLinearLayers) {
  NormsRun run({1, {}});
  EXPECT_EQ(run.feature.measure().size(), 8u); // q k v o gate up down head
}

TEST(WeightNorms, ARoleThatNoLayerHasIsNamed) {
  try {
    NormsRun run({1, {"q_proj", "w1"}});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("found w1"));
  }
}

TEST(WeightNorms, AResumedRunTellsTheSameChanges) {
  NormsRun first({1, {"q_proj"}}), second({1, {"q_proj"}});
  first.feature.measure();
  second.feature.load(first.feature.state());
  EXPECT_EQ(second.feature.measure().at(0).change, 0);
  second.feature.load({{"q_proj", testing::random({1}, 1)[0].to(at::kDouble)}});
  EXPECT_NE(second.feature.measure().at(0).change, 0);
}

} // namespace
} // namespace octet::weight_norms
