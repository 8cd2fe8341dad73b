// Handles and configs; shapes cross the boundary as sizes, never as strides.
#include "tensor.h"

#include <cstdint>

namespace octet::te {
namespace {

abi::Shape shape_of(const at::Tensor& tensor) {
  abi::Shape shape{};
  shape.ndim = static_cast<size_t>(tensor.dim());
  for (size_t i = 0; i < shape.ndim; ++i) {
    shape.data[i] = static_cast<size_t>(tensor.size(static_cast<int64_t>(i)));
  }
  return shape;
}

} // namespace

abi::DType dtype_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return abi::kFloat32;
    case at::kHalf:
      return abi::kFloat16;
    case at::kBFloat16:
      return abi::kBFloat16;
    case at::kByte:
      return abi::kByte;
    default:
      throw Error(
          "te",
          std::string("expected fp32, fp16, bf16 or bytes, found ") +
              c10::toString(tensor.scalar_type()) +
              "; this is a mistake in Octet, please report it");
  }
}

Handle::Handle(const Library& library, abi::ScalingMode mode)
    : library_(library),
      handle_(library.call(
          "nvte_create_tensor",
          library.functions().create_tensor,
          mode)) {}

Handle::Handle(const Library& library, const at::Tensor& tensor)
    : Handle(library, abi::kTensorScaling) {
  set(abi::kRowwiseData, tensor, dtype_of(tensor));
}

Handle::~Handle() {
  library_.functions().destroy_tensor(handle_);
}

void Handle::set(
    abi::TensorParam param,
    const at::Tensor& tensor,
    abi::DType dtype) {
  if (!tensor.defined()) {
    return;
  }
  if (!tensor.is_contiguous()) {
    throw Error(
        "te",
        "expected a contiguous tensor, found a strided one; this is a mistake "
        "in Octet, please report it");
  }
  const abi::BasicTensor basic{tensor.data_ptr(), dtype, shape_of(tensor)};
  library_.call(
      "nvte_set_tensor_param",
      library_.functions().set_tensor_param,
      &handle_,
      param,
      &basic);
}

void Handle::set_scalar(abi::TensorParam param, float* value) {
  const abi::BasicTensor basic{value, abi::kFloat32, {{1}, 1}};
  library_.call(
      "nvte_set_tensor_param",
      library_.functions().set_tensor_param,
      &handle_,
      param,
      &basic);
}

void Handle::clear(abi::TensorParam param, abi::DType dtype) {
  const abi::BasicTensor basic{nullptr, dtype, {{0}, 1}};
  library_.call(
      "nvte_set_tensor_param",
      library_.functions().set_tensor_param,
      &handle_,
      param,
      &basic);
}

void Handle::set_swizzled() {
  const uint8_t yes = 1;
  library_.call(
      "nvte_set_tensor_param_v2",
      library_.functions().set_tensor_param_v2,
      handle_,
      abi::kWithGemmSwizzledScales,
      static_cast<const void*>(&yes),
      sizeof(yes));
}

QuantizationConfig::QuantizationConfig(
    const Library& library,
    bool power_of_two_scales)
    : library_(library),
      config_(library.call(
          "nvte_create_quantization_config",
          library.functions().create_quantization_config)) {
  const uint8_t flag = power_of_two_scales ? 1 : 0;
  library_.call(
      "nvte_set_quantization_config_attribute",
      library_.functions().set_quantization_config_attribute,
      config_,
      abi::kForcePow2Scales,
      static_cast<const void*>(&flag),
      sizeof(flag));
}

QuantizationConfig::~QuantizationConfig() {
  library_.functions().destroy_quantization_config(config_);
}

} // namespace octet::te
