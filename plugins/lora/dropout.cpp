// Random bits come from SplitMix64 of a counter (Steele, Lea, Flood 2014):
// four 16-bit draws a word, in any order and on any number of threads.
#include "dropout.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

namespace octet::lora {
namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;

uint64_t split_mix(uint64_t state) {
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
  return state ^ (state >> 31);
}

uint64_t word(uint64_t seed, uint64_t counter) {
  return split_mix(seed + (counter + 1) * kGolden);
}

} // namespace

uint64_t mix_seed(uint64_t seed, uint64_t value) {
  return split_mix(seed ^ split_mix(value + kGolden));
}

uint64_t mix_seed(uint64_t seed, const std::string& name) {
  // FNV-1a: std::hash may differ between libraries.
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return mix_seed(seed, hash);
}

uint64_t mask_seed(const StepContext& context, const std::string& site) {
  uint64_t seed = mix_seed(context.seed, static_cast<uint64_t>(context.step));
  seed = mix_seed(seed, static_cast<uint64_t>(context.microbatch));
  return mix_seed(seed, site);
}

at::Tensor dropped(const at::Tensor& x, double p, uint64_t seed) {
  if (!x.is_cpu()) {
    // The same mask as on the CPU, and made there.
    const at::Tensor factors =
        dropped(at::ones(x.sizes(), at::kFloat), p, seed).to(x.device());
    return (x * factors).to(x.scalar_type());
  }
  at::Tensor y = at::empty_like(x);
  const auto threshold = static_cast<uint64_t>(std::lround(p * 65536));
  const auto keep = static_cast<float>(1 / (1 - p));
  const int64_t words = (x.numel() + 3) / 4;
  AT_DISPATCH_FLOATING_TYPES_AND(
      at::kBFloat16, x.scalar_type(), "lora_dropout", [&] {
        const scalar_t* from = x.const_data_ptr<scalar_t>();
        scalar_t* to = y.mutable_data_ptr<scalar_t>();
        at::parallel_for(0, words, 4096, [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) {
            uint64_t bits = word(seed, static_cast<uint64_t>(i));
            const int64_t end = std::min(x.numel(), 4 * i + 4);
            for (int64_t j = 4 * i; j < end; ++j, bits >>= 16) {
              const bool zero = (bits & 0xffff) < threshold;
              to[j] = zero
                  ? scalar_t(0)
                  : static_cast<scalar_t>(static_cast<float>(from[j]) * keep);
            }
          }
        });
      });
  return y;
}

at::Tensor uniform(at::IntArrayRef shape, double bound, uint64_t seed) {
  at::Tensor values = at::empty(shape, at::kFloat);
  float* to = values.mutable_data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    // 24 bits, as many as a float in [0, 1) has.
    const auto draw =
        static_cast<double>(word(seed, static_cast<uint64_t>(i)) >> 40);
    to[i] = static_cast<float>((draw / 16777216 * 2 - 1) * bound);
  }
  return values;
}

} // namespace octet::lora
