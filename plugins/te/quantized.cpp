// Layouts of the FP8 copies.
#include "quantized.h"

#include <ATen/ops/empty.h>

namespace octet::te {

Quantized allocate(
    const at::Tensor& x,
    abi::ScalingMode mode,
    abi::DType format,
    bool columnwise) {
  const at::TensorOptions bytes = x.options().dtype(at::kByte);
  Quantized result;
  result.mode = mode;
  result.format = format;
  result.rowwise = at::empty({x.size(0), x.size(1)}, bytes);
  if (columnwise) {
    result.columnwise = mode == abi::kMxfp8Scaling
        ? at::empty({x.size(0), x.size(1)}, bytes)
        : at::empty({x.size(1), x.size(0)}, bytes);
  }
  return result;
}

void fill(Handle& handle, const Quantized& quantized, bool swizzled) {
  const bool mxfp8 = quantized.mode == abi::kMxfp8Scaling;
  const abi::DType scales = mxfp8 ? abi::kFloat8E8M0 : abi::kFloat32;
  const bool use_swizzled = swizzled && mxfp8;
  handle.set(abi::kRowwiseData, quantized.rowwise, quantized.format);
  handle.set(abi::kColumnwiseData, quantized.columnwise, quantized.format);
  handle.set(
      abi::kRowwiseScaleInv,
      use_swizzled ? quantized.rowwise_swizzled : quantized.rowwise_scale_inv,
      scales);
  handle.set(
      abi::kColumnwiseScaleInv,
      use_swizzled ? quantized.columnwise_swizzled
                   : quantized.columnwise_scale_inv,
      scales);
  if (use_swizzled) {
    handle.set_swizzled();
  }
}

std::vector<at::Tensor> tensors_of(const Quantized& quantized) {
  return {
      quantized.rowwise,
      quantized.columnwise,
      quantized.rowwise_scale_inv,
      quantized.columnwise_scale_inv,
      quantized.rowwise_swizzled,
      quantized.columnwise_swizzled};
}

Quantized from_tensors(
    const std::vector<at::Tensor>& tensors,
    abi::ScalingMode mode,
    abi::DType format) {
  return {
      mode,
      format,
      tensors.at(0),
      tensors.at(1),
      tensors.at(2),
      tensors.at(3),
      tensors.at(4),
      tensors.at(5)};
}

} // namespace octet::te
