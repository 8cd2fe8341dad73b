// What a cast to FP8 lost, for [watch].
#pragma once

#include "quantized.h"

#include <octet/precision.h>

#include <string>

namespace octet::te {

/// The values that FP8 bytes stand for, fp32 [M, K], of the rowwise copy.
at::Tensor dequantize(const Quantized& quantized);

/// @param x what was cast, [M, K]; rows of zeros behind it are not counted
CastStatistics measure(
    const std::string& tensor,
    const at::Tensor& x,
    const Quantized& quantized);

} // namespace octet::te
