// The next token of a generation: greedy, or drawn after temperature, top-k
// and top-p, the way transformers applies them (in this order).
#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace octet {

struct SamplerSettings {
  double temperature = 0; ///< 0 = greedy
  int64_t top_k = 0; ///< 0 = off
  double top_p = 1; ///< 1 = off
  uint64_t seed = 0;
};

class Sampler {
 public:
  /// @throws Failure(usage) that lists every setting out of range
  explicit Sampler(const SamplerSettings& settings);

  /// @param logits one number a token
  /// @returns the index of the chosen token; of equal ones the first
  /// @throws Failure(numeric) when a logit is NaN
  int32_t next(std::span<const float> logits);

 private:
  SamplerSettings settings_;
  std::mt19937_64 generator_;
};

} // namespace octet
