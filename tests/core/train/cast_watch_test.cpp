// [watch]: what is looked at, what is recorded and when a warning comes.
#include "core/train/cast_watch.h"

#include "core/base/problems.h"
#include "tests/core/model/recording_backend.h"
#include "tests/core/model/tiny_model.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::tiny_spec;

class CastWatchTest : public ::testing::Test {
 protected:
  CastWatchTest() {
    eight_.manifest.name = "eight";
    plain_.manifest.name = "plain";
    plain_.manifest.reference = true;
    settings_.every = 10;
    settings_.overflow_limit = 0.001;
    settings_.underflow_limit = 0.05;
    use([](const Site& site) { return site.role == "lm_head" ? "" : "eight"; });
  }
  void use(const std::function<std::string(const Site&)>& plugin_of) {
    plan_ = testing::gemm_plan(tiny_spec(), plugin_of);
    plan_.selection.precision.entry = &eight_;
  }
  CastWatch watch() const {
    return CastWatch(settings_, plan_);
  }
  std::string refused() const {
    try {
      watch();
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  }
  static SiteCasts
  casts(const std::string& site, double underflow, double overflow) {
    return {site, {{"input", 3, 2, underflow, overflow, 30}}};
  }

  CatalogEntry eight_, plain_;
  Plan plan_;
  WatchSection settings_;
};

const std::string kUp = "model.layers.0.mlp.up_proj";
const std::string kDown = "model.layers.1.mlp.down_proj";

TEST_F(CastWatchTest, LooksAtTheFirstStepAndEveryNth) {
  std::vector<int64_t> due;
  for (int64_t step = 1; step <= 30; ++step) {
    if (watch().due(step)) {
      due.push_back(step);
    }
  }
  EXPECT_THAT(due, ElementsAre(1, 10, 20, 30));
  settings_.every = 0;
  EXPECT_FALSE(watch().due(1));
}

TEST_F(CastWatchTest, RecordsEveryRowOfTheSitesThatArePicked) {
  settings_.sites = {"*.down_proj"};
  const WatchedStep seen =
      watch().record(10, {casts(kUp, 0, 0), casts(kDown, 0.25, 0.5)});
  EXPECT_EQ(seen.step, 10);
  ASSERT_EQ(seen.casts.size(), 1u);
  EXPECT_EQ(seen.casts[0].site, kDown);
  EXPECT_EQ(seen.casts[0].tensor, "input");
  EXPECT_EQ(seen.casts[0].amax, 3);
  EXPECT_EQ(seen.casts[0].scale, 2);
  EXPECT_EQ(seen.casts[0].underflow, 0.25);
  EXPECT_EQ(seen.casts[0].overflow, 0.5);
  EXPECT_EQ(seen.casts[0].sqnr_db, 30);
}

TEST_F(CastWatchTest, PatternThatFitsNothingIsRefused) {
  settings_.sites = {"*.down_proj", "lm_head", "*.upp_proj"};
  const std::string text = refused();
  EXPECT_THAT(text, HasSubstr("\"lm_head\" fits no layer"));
  EXPECT_THAT(text, HasSubstr("\"*.upp_proj\" fits no layer"));
}

TEST_F(CastWatchTest, BackendThatCastsNothingIsRefusedBeforeTheRun) {
  use([](const Site&) { return "plain"; });
  plan_.selection.precision.entry = &plain_;
  EXPECT_THAT(refused(), HasSubstr("computed by plain, which casts nothing"));
  EXPECT_THAT(refused(), HasSubstr("remove [watch]"));
  settings_.every = 0;
  EXPECT_EQ(refused(), "");
}

TEST_F(CastWatchTest, ReferenceBesideACandidateIsNoObstacle) {
  use([](const Site& site) {
    return site.role == "up_proj" ? "eight" : "plain";
  });
  plan_.selection.reference = SelectedPlugin{&plain_, {}, "auto"};
  EXPECT_EQ(refused(), "");
  settings_.sites = {"*.down_proj"};
  EXPECT_THAT(refused(), HasSubstr("computed by plain"));
}

TEST_F(CastWatchTest, StepWithoutAnyStatisticsIsAnError) {
  const CastWatch watch = this->watch();
  try {
    watch.record(1, {{kUp, {}}, {kDown, {}}});
    FAIL() << "expected an error";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::resolution);
    EXPECT_THAT(failure.what(), HasSubstr("eight cast nothing in the 14"));
  }
}

TEST_F(CastWatchTest, WarnsOnceOfEachSiteTensorAndLimitThenCounts) {
  CastWatch watch = this->watch();
  const auto look = [&](int64_t step, double underflow, double overflow) {
    return watch.new_warnings(
        watch.record(step, {casts(kUp, underflow, overflow)}));
  };
  EXPECT_TRUE(look(1, 0.05, 0.001).empty());
  const auto first = look(10, 0.01, 0.002);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(
      first[0],
      kUp +
          " (input): overflow of 0.2% at step 10 is past "
          "watch.overflow_limit, 0.1%");
  EXPECT_EQ(watch.closing_warning(), "");
  EXPECT_TRUE(look(20, 0.01, 0.003).empty());
  const auto other = look(30, 0.06, 0.004);
  ASSERT_EQ(other.size(), 1u);
  EXPECT_EQ(
      other[0],
      kUp +
          " (input): underflow of 6% at step 30 is past "
          "watch.underflow_limit, 5%");
  EXPECT_EQ(
      watch.closing_warning(),
      "1 casts passed their limits again, 2 times in all; report.html counts "
      "them by layer");
}

TEST_F(CastWatchTest, ManyAtOnceAreCutShort) {
  CastWatch watch = this->watch();
  std::vector<SiteCasts> all;
  for (const SitePlan& site : plan_.sites) {
    if (!site.placements.empty()) {
      all.push_back(casts(site.site.name, 0, 1));
    }
  }
  const auto warnings = watch.new_warnings(watch.record(1, all));
  ASSERT_EQ(warnings.size(), 6u);
  EXPECT_EQ(
      warnings.back(),
      "and 9 more casts past a limit at step 1; report.html lists all of them, "
      "events.jsonl has every step");
}

} // namespace
} // namespace octet
