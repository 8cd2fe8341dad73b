// Tensors cast to FP8 with the scale that goes with them.
//
// Source: torchao 0.18 float8/float8_training_tensor.py.
#pragma once

#include "recipe.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace octet::torchao {

/// data = fp8(clamp(x * scale)): the scale multiplies, its reciprocal goes
/// into the product.
struct Float8Tensor {
  /// FP8, 2-D.
  at::Tensor data;
  /// fp32; rank 0, or [rows, 1], or [1, columns].
  at::Tensor scale;
  /// dtype of the tensor that was cast: that of the product it leads.
  at::ScalarType original = at::kFloat;
  /// data / scale, where an emulated product has computed it already.
  at::Tensor values = {};

  bool axiswise() const {
    return scale.dim() > 0;
  }
  Float8Tensor t() const {
    return {
        data.t(),
        axiswise() ? scale.t() : scale,
        original,
        values.defined() ? values.t() : values};
  }
};

/// Casts with a scale from the tensor itself.
/// @param x 2-D, bf16, fp32 or fp64; its strides carry over
/// @param axis reduced by an axiswise amax: 1 gives each row its scale, 0 each
/// column
Float8Tensor cast_to_float8(
    const at::Tensor& x,
    const CastConfig& config,
    int64_t axis,
    bool round_scales_to_power_of_2);

/// fp8(clamp(x * scale, -largest, largest)); the product is fp32.
at::Tensor
to_float8(const at::Tensor& x, const at::Tensor& scale, at::ScalarType float8);

} // namespace octet::torchao
