// Greedy choice and sampling.
#include "core/train/sampler.h"

#include "core/base/problems.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace octet {

Sampler::Sampler(const SamplerSettings& settings)
    : settings_(settings), generator_(settings.seed) {
  Problems problems;
  const auto check = [&](bool good, const char* what, double value) {
    if (!good) {
      problems.add(std::string(what) + ", got " + std::to_string(value));
    }
  };
  check(
      std::isfinite(settings.temperature) && settings.temperature >= 0,
      "expected temperature >= 0",
      settings.temperature);
  check(
      settings.top_k >= 0,
      "expected top-k >= 0",
      static_cast<double>(settings.top_k));
  check(
      settings.top_p > 0 && settings.top_p <= 1,
      "expected top-p in (0, 1]",
      settings.top_p);
  problems.raise(ExitCode::usage, "generate", "these settings do not fit");
}

int32_t Sampler::next(std::span<const float> logits) {
  for (const float logit : logits) {
    if (std::isnan(logit)) {
      throw Failure(
          ExitCode::numeric,
          "generate",
          "expected finite logits, got NaN; the weights of this model are "
          "broken");
    }
  }
  const auto best = std::max_element(logits.begin(), logits.end());
  if (settings_.temperature == 0) {
    return static_cast<int32_t>(best - logits.begin());
  }
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  if (settings_.top_k > 0) {
    const auto count = static_cast<size_t>(settings_.top_k);
    order.resize(std::min(order.size(), count));
  }
  std::vector<double> weights;
  double total = 0;
  for (const int32_t token : order) {
    const double above = logits[static_cast<size_t>(token)] - *best;
    weights.push_back(std::exp(above / settings_.temperature));
    total += weights.back();
  }
  // top-p keeps the smallest set that reaches the probability, so the token
  // that crosses it stays.
  double kept = 0;
  size_t count = 0;
  while (count < weights.size() && kept < settings_.top_p * total) {
    kept += weights[count++];
  }
  count = std::max<size_t>(count, 1);
  // 53 bits of the generator; std's distributions differ between libraries.
  const double draw = static_cast<double>(generator_() >> 11) * 0x1p-53 * kept;
  double reached = 0;
  for (size_t i = 0; i < count; ++i) {
    reached += weights[i];
    if (draw < reached) {
      return order[i];
    }
  }
  return order[count - 1];
}

} // namespace octet
