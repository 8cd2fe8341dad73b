// Sampling against probabilities computed by hand.
#include "core/train/sampler.h"

#include "core/base/problems.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

namespace octet {
namespace {

/// How often each token is drawn in 40,000 draws.
std::map<int32_t, double> frequencies(
    const SamplerSettings& settings,
    const std::vector<float>& logits) {
  Sampler sampler(settings);
  std::map<int32_t, double> counts;
  for (int i = 0; i < 40000; ++i) {
    counts[sampler.next(logits)] += 1.0 / 40000;
  }
  return counts;
}

// Probabilities 0.5, 0.3, 0.2 at temperature 1.
const std::vector<float> kLogits = {
    std::log(0.2f),
    std::log(0.5f),
    std::log(0.3f)};

TEST(Sampler, GreedyTakesTheFirstOfTheLargest) {
  Sampler sampler({});
  EXPECT_EQ(sampler.next(std::vector<float>{1, 3, 3, 2}), 1);
}

TEST(Sampler, TemperatureOneDrawsTheSoftmax) {
  auto found = frequencies({.temperature = 1, .seed = 1}, kLogits);
  EXPECT_NEAR(found[0], 0.2, 0.01);
  EXPECT_NEAR(found[1], 0.5, 0.01);
  EXPECT_NEAR(found[2], 0.3, 0.01);
}

TEST(Sampler, TemperatureSharpens) {
  // p^2 normalized: 0.04, 0.25, 0.09 of 0.38.
  auto found = frequencies({.temperature = 0.5, .seed = 2}, kLogits);
  EXPECT_NEAR(found[1], 0.25 / 0.38, 0.01);
  EXPECT_NEAR(found[0], 0.04 / 0.38, 0.01);
}

TEST(Sampler, TopKDropsTheRest) {
  auto found = frequencies({.temperature = 1, .top_k = 2, .seed = 3}, kLogits);
  EXPECT_EQ(found.count(0), 0u);
  EXPECT_NEAR(found[1], 0.5 / 0.8, 0.01);
}

TEST(Sampler, TopPKeepsTheTokenThatCrossesIt) {
  auto found =
      frequencies({.temperature = 1, .top_p = 0.6, .seed = 4}, kLogits);
  EXPECT_EQ(found.count(0), 0u);
  EXPECT_NEAR(found[2], 0.3 / 0.8, 0.01);
  found = frequencies({.temperature = 1, .top_p = 0.4, .seed = 4}, kLogits);
  EXPECT_EQ(found.size(), 1u);
}

TEST(Sampler, SameSeedSameTokens) {
  Sampler a({.temperature = 1, .seed = 9}), b({.temperature = 1, .seed = 9});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(a.next(kLogits), b.next(kLogits));
  }
}

TEST(Sampler, NotANumberStopsInsteadOfChoosingSomething) {
  Sampler sampler({});
  try {
    sampler.next(std::vector<float>{1, std::nanf(""), 2});
    FAIL() << "expected a Failure";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::numeric);
  }
}

TEST(Sampler, MaskedTokensAreNeverDrawn) {
  const float low = -std::numeric_limits<float>::infinity();
  auto found = frequencies({.temperature = 2, .seed = 5}, {low, 0, low});
  EXPECT_EQ(found.size(), 1u);
  EXPECT_EQ(found.begin()->first, 1);
}

TEST(Sampler, EverySettingOutOfRangeIsTold) {
  try {
    Sampler sampler({.temperature = -1, .top_k = -2, .top_p = 0});
    FAIL() << "expected a Failure";
  } catch (const Failure& failure) {
    const std::string text = failure.what();
    EXPECT_EQ(failure.code(), ExitCode::usage);
    EXPECT_NE(text.find("temperature"), std::string::npos);
    EXPECT_NE(text.find("top-k"), std::string::npos);
    EXPECT_NE(text.find("top-p"), std::string::npos);
  }
}

} // namespace
} // namespace octet
