// Everything is exact in fp32: elements have at most 4 significant bits and
// scales are powers of two.
#include "rounding.h"

#include <octet/error.h>

#include <ATen/ops/empty_like.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace octet::mx {
namespace {

// E8M0: 255 is NaN, so the scales are 2^-127 to 2^127.
constexpr int kLargestScale = 127;

/// Largest finite |x|, or NaN where a value is not finite.
float block_amax(const float* x, int64_t count) {
  float amax = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (!std::isfinite(x[i])) {
      return std::numeric_limits<float>::quiet_NaN();
    }
    amax = std::max(amax, std::abs(x[i]));
  }
  return amax;
}

void round_block(
    const float* x,
    float* out,
    int64_t count,
    const ElementFormat& format) {
  const float amax = block_amax(x, count);
  if (!(amax > 0)) {
    // All zero, or not finite: then the shared scale is NaN.
    std::fill(out, out + count, amax);
    return;
  }
  const int exponent = shared_exponent(amax, format);
  for (int64_t i = 0; i < count; ++i) {
    out[i] = std::ldexp(
        round_element(std::ldexp(x[i], -exponent), format), exponent);
  }
}

} // namespace

ElementFormat element_format(const std::string& name) {
  static const std::map<std::string, ElementFormat> kFormats = {
      {"fp8_e4m3", {3, -6, 8, 448}},
      {"fp8_e5m2", {2, -14, 15, 57344}},
      {"fp6_e2m3", {3, 0, 2, 7.5}},
      {"fp6_e3m2", {2, -2, 4, 28}},
      {"fp4_e2m1", {1, 0, 2, 6}}};
  const auto found = kFormats.find(name);
  if (found == kFormats.end()) {
    throw Error("mx", "expected an element format, found \"" + name + "\"");
  }
  return found->second;
}

float round_element(float value, const ElementFormat& format) {
  if (value == 0 || std::isnan(value)) {
    return value;
  }
  if (std::isinf(value)) {
    return std::copysign(format.largest_value, value);
  }
  // Below the smallest normal value the steps stay equal: subnormals.
  const int exponent = std::max(std::ilogb(value), format.smallest_exponent);
  const int step = exponent - format.mantissa_bits;
  const float rounded =
      std::ldexp(std::nearbyint(std::ldexp(value, -step)), step);
  return std::clamp(rounded, -format.largest_value, format.largest_value);
}

int shared_exponent(float amax, const ElementFormat& format) {
  return std::clamp(
      std::ilogb(amax) - format.largest_exponent,
      -kLargestScale,
      kLargestScale);
}

at::Tensor round_blocks(const at::Tensor& x, const ElementFormat& format) {
  const at::Tensor wide = x.to(at::kFloat).contiguous();
  at::Tensor out = at::empty_like(wide);
  const int64_t rows = wide.size(0), columns = wide.size(1);
  const float* from = wide.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t column = 0; column < columns; column += kBlock) {
        const int64_t at = row * columns + column;
        round_block(
            from + at, to + at, std::min(kBlock, columns - column), format);
      }
    }
  });
  return out;
}

CastStatistics cast_statistics(
    const std::string& tensor,
    const at::Tensor& x,
    const at::Tensor& rounded,
    const ElementFormat& format) {
  const at::Tensor wide = x.to(at::kFloat).contiguous();
  const float* before = wide.const_data_ptr<float>();
  const float* after = rounded.const_data_ptr<float>();
  const int64_t columns = wide.size(1);
  CastStatistics found;
  found.tensor = tensor;
  found.scale = std::numeric_limits<double>::infinity();
  double signal = 0, noise = 0;
  int64_t nonzero = 0, lost = 0, clamped = 0;
  for (int64_t at = 0; at < wide.numel();) {
    const int64_t count = std::min(kBlock, columns - at % columns);
    const float amax = block_amax(before + at, count);
    const bool scaled = amax > 0;
    const int exponent = scaled ? shared_exponent(amax, format) : 0;
    // x is multiplied by the inverse of the shared scale.
    found.scale = scaled ? std::min(found.scale, std::ldexp(1.0, -exponent))
                         : found.scale;
    found.amax = std::max(found.amax, static_cast<double>(scaled ? amax : 0));
    const double limit = std::ldexp(format.largest_value, exponent);
    for (const int64_t end = at + count; at < end; ++at) {
      const double value = before[at], error = value - after[at];
      signal += value * value;
      noise += error * error;
      nonzero += value != 0;
      lost += value != 0 && after[at] == 0;
      clamped += std::abs(value) > limit;
    }
  }
  found.scale = std::isinf(found.scale) ? 1 : found.scale;
  found.underflow = nonzero > 0
      ? static_cast<double>(lost) / static_cast<double>(nonzero)
      : 0;
  found.overflow = static_cast<double>(clamped) /
      static_cast<double>(std::max<int64_t>(1, wide.numel()));
  found.sqnr_db = noise > 0 ? 10 * std::log10(signal / noise)
                            : std::numeric_limits<double>::infinity();
  return found;
}

} // namespace octet::mx
