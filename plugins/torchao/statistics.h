// What a cast to FP8 did to a tensor, for [watch].
#pragma once

#include "cast.h"

#include <octet/precision.h>

#include <string>

namespace octet::torchao {

/// An element overflows when its rounded value would lie above the largest
/// one of FP8, so that clamping changed it by more than rounding does. The
/// largest element of a tensor, which its own scale maps onto that limit,
/// does not. NaN counts in neither fraction and makes the SQNR NaN.
/// Temporaries stay below 64 MiB for rows of up to a million elements.
/// @param tensor "input", "weight" or "grad_output"
/// @param x what was cast, 2-D
CastStatistics
measure_cast(std::string tensor, const at::Tensor& x, const Float8Tensor& cast);

} // namespace octet::torchao
