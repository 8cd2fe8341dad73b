// Products of FP8 tensors by at::_scaled_mm: the real thing on a GPU with FP8.
//
// Source: torchao 0.18 float8/float8_ops.py (preprocess_addmm,
// addmm_float8_unwrapped).
#pragma once

#include "cast.h"

#include <string>

namespace octet::torchao {

/// a [M, K] @ b [K, N], scaled back.
///
/// Products scaled by rows leave the kernel in bf16, also when a was fp32.
/// Without fast accumulation they are computed with scales of 1 and scaled
/// afterwards, because that kernel is the faster one.
/// @param pad_inner_dim K may be any number: zeros fill it up to 16 n
/// @returns [M, N] in a.original
/// @throws Error with the reason when the device refuses the shapes
at::Tensor scaled_mm(
    const Float8Tensor& a,
    const Float8Tensor& b,
    bool fast_accum,
    bool pad_inner_dim);

/// Why a GPU cannot multiply [M, K] by [K, N] in FP8, or "".
std::string
alignment_problem(int64_t inner, int64_t columns, bool pad_inner_dim);

} // namespace octet::torchao
