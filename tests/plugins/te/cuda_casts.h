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

} // namespace octet::te_testing
