// Rounding to the MX formats of "OCP Microscaling Formats (MX) Specification",
// version 1.0 (2023): blocks of 32 elements of few bits share one power of two.
#pragma once

#include <octet/precision.h>

#include <string>

namespace octet::mx {

/// An element format (section 5.3 of the specification).
struct ElementFormat {
  /// Bits of the mantissa behind the leading one.
  int mantissa_bits;
  /// Exponent of the smallest normal value, and of the largest one.
  int smallest_exponent, largest_exponent;
  float largest_value;
};

/// @param name "fp8_e4m3", ..., as the manifest's one_of has them
/// @throws Error for another name
ElementFormat element_format(const std::string& name);

/// Elements that share a scale (table 1).
constexpr int64_t kBlock = 32;

/// To the nearest value of the format, ties to even; what is larger than the
/// largest value becomes that one (section 6.3). NaN stays NaN.
float round_element(float value, const ElementFormat& format);

/// The exponent of the scale that a block shares:
/// floor(log2(largest |value|)) - largest_exponent, within E8M0's -127..127.
/// @param amax > 0 and finite
int shared_exponent(float amax, const ElementFormat& format);

/// Every row in blocks of 32 along its columns (the last may be shorter, as if
/// zeros followed), rounded and scaled back.
/// @param x [rows, columns], any floating dtype  @returns fp32, same shape
at::Tensor round_blocks(const at::Tensor& x, const ElementFormat& format);

/// What round_blocks did to x. @param tensor "input", "weight", "grad_output"
CastStatistics cast_statistics(
    const std::string& tensor,
    const at::Tensor& x,
    const at::Tensor& rounded,
    const ElementFormat& format);

} // namespace octet::mx
