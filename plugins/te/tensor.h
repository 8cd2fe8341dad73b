// Short-lived Transformer Engine handles of tensors. A handle is one of a
// fixed pool of some ten thousand, so each lives for one call.
#pragma once

#include "library.h"

#include <ATen/core/Tensor.h>

namespace octet::te {

class Handle {
 public:
  Handle(const Library& library, abi::ScalingMode mode);
  /// A high-precision tensor: its data and nothing else.
  Handle(const Library& library, const at::Tensor& tensor);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  /// @param tensor must outlive this handle; undefined sets nothing
  void set(abi::TensorParam param, const at::Tensor& tensor, abi::DType dtype);
  /// Like the first, with a pointer into a larger tensor.
  void set_scalar(abi::TensorParam param, float* value);
  /// Forgets a parameter.
  void clear(abi::TensorParam param, abi::DType dtype);
  /// Says that block scales are in the order that products read.
  void set_swizzled();

  abi::Tensor get() const {
    return handle_;
  }

 private:
  const Library& library_;
  abi::Tensor handle_ = nullptr;
};

class QuantizationConfig {
 public:
  QuantizationConfig(const Library& library, bool power_of_two_scales);
  ~QuantizationConfig();
  QuantizationConfig(const QuantizationConfig&) = delete;
  QuantizationConfig& operator=(const QuantizationConfig&) = delete;

  abi::QuantizationConfig get() const {
    return config_;
  }

 private:
  const Library& library_;
  abi::QuantizationConfig config_ = nullptr;
};

/// @throws Error for a dtype that no FP8 product takes
abi::DType dtype_of(const at::Tensor& tensor);

} // namespace octet::te
