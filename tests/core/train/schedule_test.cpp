// Schedules against transformers (tests/fixtures/train/schedules.json).
#include "core/train/schedule.h"

#include "core/base/problems.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace octet {
namespace {

TrainSection settings(const std::string& schedule) {
  TrainSection train;
  train.schedule = schedule;
  train.learning_rate = 2e-4;
  return train;
}

TEST(Schedule, EqualsTransformersInEveryStep) {
  std::ifstream file(OCTET_SOURCE_DIR "/tests/fixtures/train/schedules.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_GE(cases.size(), 15u);
  for (const auto& item : cases) {
    TrainSection train = settings(item["schedule"]);
    train.warmup = item["warmup"];
    train.decay = item["decay"];
    train.min_learning_rate_ratio = item["minimum"];
    const Schedule schedule(train, item["total"]);
    int64_t step = 0;
    for (const double expected : item["factors"]) {
      ++step;
      EXPECT_NEAR(schedule.factor(step), expected, 1e-15)
          << item.dump() << " step " << step;
    }
  }
}

TEST(Schedule, WarmupBelowOneIsAPartOfAllStepsRoundedUp) {
  TrainSection train = settings("constant");
  train.warmup = 0.03;
  EXPECT_EQ(Schedule(train, 101).warmup_steps(), 4);
  EXPECT_EQ(Schedule(train, 100).warmup_steps(), 3);
  train.warmup = 12;
  EXPECT_EQ(Schedule(train, 100).warmup_steps(), 12);
}

TEST(Schedule, FactorStaysBetweenZeroAndOneBeyondTheEnd) {
  for (const char* name :
       {"cosine", "linear", "constant", "warmup-stable-decay"}) {
    TrainSection train = settings(name);
    train.warmup = 2;
    train.decay = 0.3;
    train.min_learning_rate_ratio = 0.1;
    const Schedule schedule(train, 10);
    for (int64_t step = 1; step <= 14; ++step) {
      EXPECT_GE(schedule.factor(step), 0) << name << step;
      EXPECT_LE(schedule.factor(step), 1) << name << step;
    }
  }
}

TEST(Schedule, RateIsFactorTimesLearningRate) {
  TrainSection train = settings("linear");
  EXPECT_DOUBLE_EQ(Schedule(train, 4).learning_rate(3), 1e-4);
}

TEST(Schedule, UnknownNameIsRefused) {
  EXPECT_THROW(Schedule(settings("cosinus"), 10), Failure);
}

} // namespace
} // namespace octet
