// Random order that is the same on every machine: the standard library's
// distributions and std::shuffle are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace octet {

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, 2014).
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, bound), bound > 0: values that would favour small results
  /// are drawn again.
  uint64_t below(uint64_t bound) {
    const uint64_t unfair = (0 - bound) % bound;
    uint64_t value = next();
    while (value < unfair) {
      value = next();
    }
    return value % bound;
  }

 private:
  uint64_t state_;
};

/// A generator for one purpose, epoch and set of a run.
inline SplitMix64
stream_for(uint64_t seed, uint64_t purpose, uint64_t epoch, uint64_t set) {
  SplitMix64 mix(seed);
  uint64_t state = mix.next();
  for (const uint64_t part : {purpose, epoch, set}) {
    state = SplitMix64(state ^ part).next();
  }
  return SplitMix64(state);
}

/// Fisher-Yates.
template <typename T>
void shuffle(std::vector<T>& values, SplitMix64& random) {
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.below(i)]);
  }
}

} // namespace octet
