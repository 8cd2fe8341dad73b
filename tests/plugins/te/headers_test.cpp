// The plugin's declarations against the real headers of Transformer Engine;
// compiled where tools/setup --te brought them, else skipped with the reason.
#include "plugins/te/bindings.h"

#include <gtest/gtest.h>

#ifdef OCTET_TE_HEADERS
#include <transformer_engine/cast.h>
#include <transformer_engine/gemm.h>
#include <transformer_engine/recipe.h>
#include <transformer_engine/swizzle.h>
#include <transformer_engine/transformer_engine.h>

#include <tuple>
#include <type_traits>
#endif

namespace octet::te {
namespace {

#ifdef OCTET_TE_HEADERS

/// Whether two parameter types are passed alike: equal, both pointers, or
/// enums of one size.
template <typename A, typename B>
constexpr bool alike() {
  if constexpr (std::is_enum_v<A> && std::is_enum_v<B>) {
    return sizeof(A) == sizeof(B);
  }
  return std::is_same_v<A, B> || (std::is_pointer_v<A> && std::is_pointer_v<B>);
}

template <typename A, typename B>
struct SameCall : std::false_type {};

template <typename R1, typename... A1, typename R2, typename... A2>
requires(
    sizeof...(A1) ==
    sizeof...(A2)) struct SameCall<R1 (*)(A1...), R2 (*)(A2...)>
    : std::bool_constant<alike<R1, R2>() && (alike<A1, A2>() && ...)> {
};

#define SAME_CALL(member, function) \
  static_assert(                    \
      SameCall<decltype(abi::Functions::member), decltype(&function)>::value)

SAME_CALL(create_tensor, nvte_create_tensor);
SAME_CALL(destroy_tensor, nvte_destroy_tensor);
SAME_CALL(set_tensor_param, nvte_set_tensor_param);
SAME_CALL(create_quantization_config, nvte_create_quantization_config);
SAME_CALL(
    set_quantization_config_attribute,
    nvte_set_quantization_config_attribute);
SAME_CALL(destroy_quantization_config, nvte_destroy_quantization_config);
SAME_CALL(quantize_v2, nvte_quantize_v2);
SAME_CALL(compute_amax, nvte_compute_amax);
SAME_CALL(compute_scale_from_amax, nvte_compute_scale_from_amax);
SAME_CALL(cublas_gemm, nvte_cublas_gemm);
SAME_CALL(
    delayed_scaling_update,
    nvte_delayed_scaling_recipe_amax_and_scale_update);
SAME_CALL(is_non_tn_fp8_gemm_supported, nvte_is_non_tn_fp8_gemm_supported);
SAME_CALL(set_tensor_param_v2, nvte_set_tensor_param_v2);
SAME_CALL(swizzle_scaling_factors, nvte_swizzle_scaling_factors);

static_assert(sizeof(abi::Shape) == sizeof(NVTEShape));
static_assert(offsetof(abi::Shape, ndim) == offsetof(NVTEShape, ndim));
static_assert(sizeof(abi::BasicTensor) == sizeof(NVTEBasicTensor));
static_assert(
    offsetof(abi::BasicTensor, dtype) == offsetof(NVTEBasicTensor, dtype));
static_assert(
    offsetof(abi::BasicTensor, shape) == offsetof(NVTEBasicTensor, shape));

#define SAME_VALUE(mine, theirs) \
  static_assert(static_cast<int>(abi::mine) == static_cast<int>(theirs))

SAME_VALUE(kByte, kNVTEByte);
SAME_VALUE(kFloat32, kNVTEFloat32);
SAME_VALUE(kFloat16, kNVTEFloat16);
SAME_VALUE(kBFloat16, kNVTEBFloat16);
SAME_VALUE(kFloat8E4M3, kNVTEFloat8E4M3);
SAME_VALUE(kFloat8E5M2, kNVTEFloat8E5M2);
SAME_VALUE(kFloat8E8M0, kNVTEFloat8E8M0);
SAME_VALUE(kRowwiseData, kNVTERowwiseData);
SAME_VALUE(kColumnwiseData, kNVTEColumnwiseData);
SAME_VALUE(kScale, kNVTEScale);
SAME_VALUE(kAmax, kNVTEAmax);
SAME_VALUE(kRowwiseScaleInv, kNVTERowwiseScaleInv);
SAME_VALUE(kColumnwiseScaleInv, kNVTEColumnwiseScaleInv);
SAME_VALUE(kWithGemmSwizzledScales, kNVTEWithGEMMSwizzledScales);
SAME_VALUE(kTensorScaling, NVTE_DELAYED_TENSOR_SCALING);
SAME_VALUE(kMxfp8Scaling, NVTE_MXFP8_1D_SCALING);
SAME_VALUE(kBlockScaling1d, NVTE_BLOCK_SCALING_1D);
SAME_VALUE(kBlockScaling2d, NVTE_BLOCK_SCALING_2D);
SAME_VALUE(kForcePow2Scales, kNVTEQuantizationConfigForcePow2Scales);
SAME_VALUE(kAmaxEpsilon, kNVTEQuantizationConfigAmaxEpsilon);

TEST(TeHeaders, TheBindingsHaveTheRealAbi) {
  SUCCEED() << "checked when this file was compiled";
}

#else

TEST(TeHeaders, TheBindingsHaveTheRealAbi) {
  GTEST_SKIP() << "no headers of Transformer Engine and CUDA when this was "
                  "configured; tools/setup --te brings them";
}

#endif

} // namespace
} // namespace octet::te
