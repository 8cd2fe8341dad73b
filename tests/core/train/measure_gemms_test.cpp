// The measuring itself: what runs in which order. Which backend is faster is a
// matter of the machine and is not looked at.
#include "core/train/measure_gemms.h"

#include "tests/core/model/recording_backend.h"

#include <gtest/gtest.h>

#include <cmath>

namespace octet {
namespace {

using testing::Call;
using testing::RecordingBackend;

Site site(const std::string& name) {
  Site site;
  site.name = name;
  return site;
}

class MeasureGemms : public ::testing::Test {
 protected:
  std::vector<GemmTiming> measure(const std::vector<MeasuredSite>& sites) {
    return measure_gemms(candidate_, reference_, sites, settings_);
  }
  static size_t count(const RecordingBackend& backend, const char* what) {
    size_t found = 0;
    for (const Call& call : backend.calls) {
      found += call.what == what ? 1 : 0;
    }
    return found;
  }
  RecordingBackend candidate_, reference_;
  MeasureSettings settings_;
};

TEST_F(MeasureGemms, GivesATimeForEveryShapeInOrder) {
  const GemmShape small{16, 24, 8, true}, frozen{4, 40, 16, false};
  const auto timings = measure({{small, site("a")}, {frozen, site("b")}});
  ASSERT_EQ(timings.size(), 2u);
  EXPECT_EQ(timings[0].shape, small);
  EXPECT_EQ(timings[1].shape, frozen);
  for (const GemmTiming& timing : timings) {
    EXPECT_TRUE(std::isfinite(timing.candidate_ms));
    EXPECT_GT(timing.candidate_ms, 0);
    EXPECT_GT(timing.reference_ms, 0);
  }
}

TEST_F(MeasureGemms, RunsWholeStepsOfTrainingAfterWarmingUp) {
  settings_.microbatches = 3;
  settings_.warm_up = 2;
  settings_.repetitions = 5;
  // A pause on a busy machine would end the repetitions early.
  settings_.seconds_per_shape = 1e9;
  measure({{{16, 24, 8, true}, site("a")}});
  for (const RecordingBackend* backend : {&candidate_, &reference_}) {
    EXPECT_EQ(count(*backend, "forward"), 3u * (2 + 5));
    EXPECT_EQ(count(*backend, "backward"), 3u * (2 + 5));
    EXPECT_EQ(count(*backend, "end_microbatch"), 3u * (2 + 5));
    EXPECT_EQ(count(*backend, "end_step"), 2u + 5);
    int64_t step = 0;
    for (const Call& call : backend->calls) {
      EXPECT_TRUE(call.context.training);
      EXPECT_EQ(call.context.first_microbatch, call.context.microbatch == 0);
      if (call.what == "end_step") {
        EXPECT_EQ(call.context.step, ++step);
      }
    }
  }
}

// The cast of an input is paid once by those who read it.
TEST_F(MeasureGemms, SitesThatShareAnInputRunTogether) {
  settings_.warm_up = 1;
  settings_.repetitions = 3;
  measure({{{16, 24, 8, true}, site("a"), 3}});
  for (const RecordingBackend* backend : {&candidate_, &reference_}) {
    std::string order;
    for (const Call& call : backend->calls) {
      order += call.what == "forward" ? "f"
          : call.what == "backward"   ? "b"
                                      : ".";
    }
    EXPECT_EQ(order, "fffbbb..fffbbb..fffbbb..fffbbb..");
    const auto* first = &backend->calls.front().read;
    EXPECT_TRUE(backend->calls.at(2).read.is_same(*first));
  }
}

TEST_F(MeasureGemms, SlowShapeIsRepeatedLessOftenButThreeTimes) {
  settings_.warm_up = 0;
  settings_.repetitions = 50;
  settings_.seconds_per_shape = 0;
  measure({{{16, 24, 8, true}, site("a")}});
  EXPECT_EQ(count(candidate_, "end_step"), 3u);
  EXPECT_EQ(count(reference_, "end_step"), 3u);
}

} // namespace
} // namespace octet
