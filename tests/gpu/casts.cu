// The FP8 casts of a GPU against those of cuda_fp8.h on the host, byte by byte:
// all 65,536 bf16 values and ten million fp32 values, E4M3 and E5M2. The host's
// are those that the tests of the te plugin compare its casts with, so the two
// together tie the plugin's reference to the hardware.
//
// Exit status: 0 equal, 1 a difference, 77 no GPU with FP8 (CTest skips it).
// Compiled and linked wherever nvcc is found; not run on hardware yet.
#include <cuda_bf16.h>
#include <cuda_fp8.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

namespace {

constexpr int kSkipped = 77;
constexpr size_t kFloats = 10'000'000;

__host__ __device__ __nv_fp8_storage_t
cast(__nv_bfloat16 x, __nv_fp8_interpretation_t format) {
  return __nv_cvt_bfloat16raw_to_fp8(
      static_cast<__nv_bfloat16_raw>(x), __NV_SATFINITE, format);
}

__host__ __device__ __nv_fp8_storage_t
cast(float x, __nv_fp8_interpretation_t format) {
  return __nv_cvt_float_to_fp8(x, __NV_SATFINITE, format);
}

template <typename T>
__global__ void cast_all(
    const T* from,
    __nv_fp8_storage_t* to,
    size_t count,
    __nv_fp8_interpretation_t format) {
  const size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x;
  if (i < count) {
    to[i] = cast(from[i], format);
  }
}

/// Any NaN is NaN.
bool same(
    __nv_fp8_storage_t a,
    __nv_fp8_storage_t b,
    __nv_fp8_interpretation_t format) {
  const int largest = format == __NV_E4M3 ? 0x7e : 0x7c;
  const auto is_nan = [&](int bits) { return (bits & 0x7f) > largest; };
  return a == b || (is_nan(a) && is_nan(b));
}

bool good(cudaError_t error, const char* what) {
  if (error != cudaSuccess) {
    std::printf("[casts] %s: %s\n", what, cudaGetErrorString(error));
  }
  return error == cudaSuccess;
}

/// @returns the values that differ, or -1 when the device failed
template <typename T>
long differences(
    const std::vector<T>& values,
    __nv_fp8_interpretation_t format) {
  const size_t count = values.size();
  T* from = nullptr;
  __nv_fp8_storage_t* to = nullptr;
  std::vector<__nv_fp8_storage_t> found(count);
  constexpr unsigned kThreads = 256;
  const auto blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  bool fine = good(cudaMalloc(&from, count * sizeof(T)), "cudaMalloc") &&
      good(cudaMalloc(&to, count), "cudaMalloc") &&
      good(cudaMemcpy(
               from, values.data(), count * sizeof(T), cudaMemcpyHostToDevice),
           "copy to the device");
  if (fine) {
    cast_all<<<blocks, kThreads>>>(from, to, count, format);
    fine = good(cudaGetLastError(), "the kernel") &&
        good(cudaMemcpy(found.data(), to, count, cudaMemcpyDeviceToHost),
             "copy from the device");
  }
  cudaFree(from);
  cudaFree(to);
  if (!fine) {
    return -1;
  }
  long different = 0;
  for (size_t i = 0; i < count; ++i) {
    different += same(found[i], cast(values[i], format), format) ? 0 : 1;
  }
  return different;
}

std::vector<__nv_bfloat16> every_bf16() {
  std::vector<__nv_bfloat16> values;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    __nv_bfloat16_raw raw;
    raw.x = static_cast<unsigned short>(bits);
    values.emplace_back(raw);
  }
  return values;
}

/// Bit patterns of a linear congruential generator (Knuth's MMIX constants).
std::vector<float> many_floats() {
  std::vector<float> values(kFloats);
  uint64_t state = 1;
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const auto bits = static_cast<uint32_t>(state >> 32);
    std::memcpy(&value, &bits, sizeof(value));
  }
  return values;
}

} // namespace

int main() {
  int count = 0;
  cudaDeviceProp device{};
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
    std::printf("[casts] skipped: no GPU\n");
    return kSkipped;
  }
  if (!good(cudaGetDeviceProperties(&device, 0), "the device's facts")) {
    return 1;
  }
  if (10 * device.major + device.minor < 89) {
    std::printf("[casts] skipped: %s has no FP8\n", device.name);
    return kSkipped;
  }
  bool equal = true;
  for (const auto& [name, format] :
       {std::pair{"E4M3", __NV_E4M3}, std::pair{"E5M2", __NV_E5M2}}) {
    const long bf16 = differences(every_bf16(), format);
    const long fp32 = differences(many_floats(), format);
    std::printf(
        "[casts] %s on %s: bf16 %ld of 65536 differ, fp32 %ld of %zu differ\n",
        name,
        device.name,
        bf16,
        fp32,
        kFloats);
    equal = equal && bf16 == 0 && fp32 == 0;
  }
  return equal ? 0 : 1;
}
