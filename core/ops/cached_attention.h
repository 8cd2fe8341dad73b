// Attention of the newest tokens of one sequence over all its keys, for
// generation.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace octet {

/// @param q [t, h, d]: the last t tokens  @param k,v [T, g, d], T >= t
/// @param window keys a query sees, itself included; 0 = all before it
/// @returns [t, h, d] in q's dtype
at::Tensor cached_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    double scale,
    int64_t window);

} // namespace octet
