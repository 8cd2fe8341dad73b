// torchao's emulation of an FP8 product, on any device: the operands are FP8's
// values, the product is one of higher precision. Neither padding nor fast
// accumulation nor the kernels' intermediate dtypes show in it.
//
// Source: torchao 0.18 float8/float8_ops.py (float8_mm with emulate).
#pragma once

#include "cast.h"

namespace octet::torchao {

/// mm(a.data / a.scale, b.data / b.scale), rounded to a.original once.
///
/// Values of FP8 divided by a power of two are exact in bf16. Where bf16 is
/// what is asked for and the CPU multiplies it (sums in fp32), the product is
/// made in bf16: the same numbers up to the order of the sums. Where fp64 is
/// asked for, the sums are fp64: comparisons use it, backends do not.
/// @param exact_in_bf16 both scales are powers of two, and bf16 is fast here
/// @returns [M, N] in a.original
at::Tensor
emulated_mm(Float8Tensor& a, Float8Tensor& b, bool exact_in_bf16 = false);

/// a @ b in a's dtype, sums in fp32 (fp64 for fp64), rounded once.
/// @param bf16_products whether ATen's bf16 products are fast here
at::Tensor
high_precision_mm(const at::Tensor& a, const at::Tensor& b, bool bf16_products);

} // namespace octet::torchao
