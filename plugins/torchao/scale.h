// The factor that brings a tensor into the range of an FP8 type.
//
// Source: torchao 0.18 float8/float8_utils.py; goldens: tests/fixtures/torchao.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace octet::torchao {

/// Largest finite value: 448 of e4m3, 57344 of e5m2.
double largest(at::ScalarType float8);

/// Largest |x| in x's dtype; NaN where an element is one.
/// @param axis dimension that is reduced to size 1, or none for all of them
/// @returns rank 0 without an axis, else x's rank
at::Tensor amax(const at::Tensor& x, std::optional<int64_t> axis);

/// largest(float8) / max(amax, 1e-12), in fp64, rounded to fp32 once.
/// @returns fp32, amax's shape
at::Tensor amax_to_scale(
    const at::Tensor& amax,
    at::ScalarType float8,
    bool round_to_power_of_2);

/// exp2(floor(log2(scale))), and not a mantissa mask: log2 may round up just
/// below a large power of two, and goldens pin that.
/// @param scale fp32, any shape, >= 0
/// @throws Error if scale is not fp32
at::Tensor round_down_to_power_of_2(const at::Tensor& scale);

} // namespace octet::torchao
