// The part of Transformer Engine's C ABI that this plugin calls, declared here
// so that no header of it is needed to build. Values and layouts are those of
// versions 2.4 to 2.20; tests/plugins/te/headers_test.cpp compares them with
// the real headers where those are installed.
//
// Every function may throw std::runtime_error through the C boundary, except
// where a tensor or config is destroyed.
#pragma once

#include <cstddef>

namespace octet::te::abi {

enum DType : unsigned {
  kByte = 0,
  kFloat32 = 4,
  kFloat16 = 5,
  kBFloat16 = 6,
  kFloat8E4M3 = 7,
  kFloat8E5M2 = 8,
  kFloat8E8M0 = 9
};

struct Shape {
  size_t data[15];
  size_t ndim;
};

struct BasicTensor {
  void* data_ptr;
  DType dtype;
  Shape shape;
};

enum TensorParam : unsigned {
  kRowwiseData = 0,
  kColumnwiseData = 1,
  kScale = 2,
  kAmax = 3,
  kRowwiseScaleInv = 4,
  kColumnwiseScaleInv = 5,
  /// Since 2.12, a byte, through set_tensor_param_v2.
  kWithGemmSwizzledScales = 7
};

enum ScalingMode : unsigned {
  /// High precision, and every FP8 tensor with one scale.
  kTensorScaling = 0,
  kMxfp8Scaling = 1,
  /// 1 x 128 and 128 x 128 elements a scale.
  kBlockScaling1d = 2,
  kBlockScaling2d = 3
};

enum QuantizationAttribute : unsigned {
  kForcePow2Scales = 0, ///< uint8_t
  kAmaxEpsilon = 1 ///< float
};

using Tensor = void*;
using QuantizationConfig = void*;
/// A cudaStream_t.
using Stream = void*;

struct Functions {
  Tensor (*create_tensor)(ScalingMode) = nullptr;
  void (*destroy_tensor)(Tensor) = nullptr;
  void (*set_tensor_param)(Tensor*, TensorParam, const BasicTensor*) = nullptr;

  QuantizationConfig (*create_quantization_config)() = nullptr;
  void (*set_quantization_config_attribute)(
      QuantizationConfig,
      QuantizationAttribute,
      const void*,
      size_t) = nullptr;
  void (*destroy_quantization_config)(QuantizationConfig) = nullptr;

  void (*quantize_v2)(Tensor in, Tensor out, QuantizationConfig, Stream) =
      nullptr;
  void (*compute_amax)(Tensor in, Tensor out, Stream) = nullptr;
  void (*compute_scale_from_amax)(Tensor, QuantizationConfig, Stream) = nullptr;

  void (*cublas_gemm)(
      Tensor a,
      Tensor b,
      Tensor d,
      Tensor bias,
      Tensor pre_gelu_out,
      bool transa,
      bool transb,
      bool grad,
      Tensor workspace,
      bool accumulate,
      bool use_split_accumulator,
      int math_sm_count,
      Stream) = nullptr;
  void (*delayed_scaling_update)(
      Tensor amax_history,
      Tensor scale,
      Tensor updated_amax_history,
      Tensor updated_scale,
      const char* amax_compute_algo,
      DType fp8_dtype,
      float margin,
      Stream) = nullptr;
  int (*is_non_tn_fp8_gemm_supported)() = nullptr;

  // Null where the library is too old for them; only MXFP8 needs them.
  void (*set_tensor_param_v2)(Tensor, TensorParam, const void*, size_t) =
      nullptr;
  void (*swizzle_scaling_factors)(Tensor in, Tensor out, Stream) = nullptr;
};

} // namespace octet::te::abi
