// The product x * scale is made in fp32 whatever x's dtype is, then clamped,
// then rounded once.
#include "cast.h"

#include "scale.h"

#include <ATen/ops/mul.h>

namespace octet::torchao {

at::Tensor
to_float8(const at::Tensor& x, const at::Tensor& scale, at::ScalarType float8) {
  // A scale of rank 0 would leave a bf16 product in bf16.
  const at::Tensor factor = scale.dim() == 0 ? scale.view({1, 1}) : scale;
  const double limit = largest(float8);
  const at::Tensor value =
      x.scalar_type() == at::kDouble ? x.to(at::kFloat) : x;
  return at::mul(value, factor).clamp_(-limit, limit).to(float8);
}

Float8Tensor cast_to_float8(
    const at::Tensor& x,
    const CastConfig& config,
    int64_t axis,
    bool round_scales_to_power_of_2) {
  const at::Tensor largest_values = config.granularity == Granularity::axiswise
      ? amax(x, axis)
      : amax(x, std::nullopt);
  const at::Tensor scale =
      amax_to_scale(largest_values, config.dtype, round_scales_to_power_of_2);
  return {to_float8(x, scale, config.dtype), scale, x.scalar_type()};
}

} // namespace octet::torchao
