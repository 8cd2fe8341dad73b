// Only __nv_cvt_* of cuda_fp8.h, in the mode that Transformer Engine uses.
#include "tests/plugins/te/cuda_casts.h"

#ifdef OCTET_CUDA_FP8
#include <cuda_fp8.h>
#endif

namespace octet::te_testing {

#ifdef OCTET_CUDA_FP8

bool has_cuda_casts() {
  return true;
}

void cuda_cast(const float* values, size_t count, bool e5m2, uint8_t* bytes) {
  for (size_t i = 0; i < count; ++i) {
    bytes[i] = __nv_cvt_float_to_fp8(
        values[i], __NV_SATFINITE, e5m2 ? __NV_E5M2 : __NV_E4M3);
  }
}

void cuda_cast_bf16(
    const uint16_t* values,
    size_t count,
    bool e5m2,
    uint8_t* bytes) {
  for (size_t i = 0; i < count; ++i) {
    __nv_bfloat16_raw raw;
    raw.x = values[i];
    bytes[i] = __nv_cvt_bfloat16raw_to_fp8(
        raw, __NV_SATFINITE, e5m2 ? __NV_E5M2 : __NV_E4M3);
  }
}

#else

bool has_cuda_casts() {
  return false;
}

void cuda_cast(const float*, size_t, bool, uint8_t*) {}

void cuda_cast_bf16(const uint16_t*, size_t, bool, uint8_t*) {}

#endif

} // namespace octet::te_testing
