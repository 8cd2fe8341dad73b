// The order of operations is torchao's, because every rounding of a scale
// shows in the FP8 bytes.
#include "scale.h"

#include <octet/error.h>

#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/exp2.h>
#include <ATen/ops/floor.h>
#include <ATen/ops/log2.h>
#include <ATen/ops/reciprocal.h>
#include <c10/core/ScalarType.h>

namespace octet::torchao {
namespace {

/// Keeps the scale of a zero tensor finite.
constexpr double kEps = 1e-12;

} // namespace

double largest(at::ScalarType float8) {
  if (float8 == at::kFloat8_e4m3fn) {
    return 448;
  }
  if (float8 == at::kFloat8_e5m2) {
    return 57344;
  }
  throw Error(
      "torchao",
      std::string("expected Float8_e4m3fn or Float8_e5m2, found ") +
          c10::toString(float8));
}

at::Tensor amax(const at::Tensor& x, std::optional<int64_t> axis) {
  const at::Tensor magnitude = at::abs(x);
  return axis ? at::amax(magnitude, {*axis}, /*keepdim=*/true)
              : at::amax(magnitude, {}, /*keepdim=*/false);
}

at::Tensor amax_to_scale(
    const at::Tensor& amax,
    at::ScalarType float8,
    bool round_to_power_of_2) {
  // Python's `number / tensor` is a reciprocal and a product.
  const at::Tensor scale =
      at::reciprocal(at::clamp_min(amax.to(at::kDouble), kEps))
          .mul_(largest(float8))
          .to(at::kFloat);
  return round_to_power_of_2 ? round_down_to_power_of_2(scale) : scale;
}

at::Tensor round_down_to_power_of_2(const at::Tensor& scale) {
  if (scale.scalar_type() != at::kFloat) {
    throw Error(
        "torchao",
        std::string("expected a scale in fp32, found ") +
            c10::toString(scale.scalar_type()));
  }
  return at::exp2(at::floor(at::log2(scale)));
}

} // namespace octet::torchao
