// NVIDIA's own fp32 to FP8 casts, from the host code of cuda_fp8.h. In a file
// of their own: its headers and LibTorch's need not meet.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::te_testing {

/// False where the build found no cuda_fp8.h.
bool has_cuda_casts();

/// Saturating casts of `count` values.
void cuda_cast(const float* values, size_t count, bool e5m2, uint8_t* bytes);
/// Of bf16 values, given as their bits.
void cuda_cast_bf16(
    const uint16_t* values,
    size_t count,
    bool e5m2,
    uint8_t* bytes);

/// Whether two bytes of FP8 are the same; any NaN is NaN.
inline bool same_fp8(uint8_t a, uint8_t b, bool e5m2) {
  const auto is_nan = [&](uint8_t byte) {
    return e5m2 ? (byte & 0x7f) > 0x7c : (byte & 0x7f) == 0x7f;
  };
  return a == b || (is_nan(a) && is_nan(b));
}

} // namespace octet::te_testing
