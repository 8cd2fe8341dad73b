// Rows of zeros behind a matrix, so that FP8 products can read it.
#pragma once

#include <ATen/core/Tensor.h>

namespace octet::te {

/// @param x [M, K]  @returns [M', K] with M' the next multiple; x itself when
/// it is one. Zeros change no amax and add nothing to a product.
at::Tensor pad_rows(const at::Tensor& x, int64_t multiple);

/// `value` rounded up to a multiple.
constexpr int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

} // namespace octet::te
