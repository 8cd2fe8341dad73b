// See the header.
#include "emulated_mm.h"

#include <ATen/ops/mm.h>
#include <ATen/TensorOperators.h>

namespace octet::torchao {
namespace {

const at::Tensor& values_of(Float8Tensor& tensor, at::ScalarType dtype) {
  if (!tensor.values.defined() || tensor.values.scalar_type() != dtype) {
    tensor.values = tensor.data.to(dtype).div_(tensor.scale.to(dtype));
  }
  return tensor.values;
}

} // namespace

at::Tensor emulated_mm(Float8Tensor& a, Float8Tensor& b, bool exact_in_bf16) {
  const at::ScalarType dtype =
      exact_in_bf16 && a.original == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
  return at::mm(values_of(a, dtype), values_of(b, dtype)).to(a.original);
}

at::Tensor high_precision_mm(
    const at::Tensor& a,
    const at::Tensor& b,
    bool bf16_products) {
  if (a.scalar_type() == at::kFloat || a.is_cuda() || bf16_products) {
    return at::mm(a, b);
  }
  return at::mm(a.to(at::kFloat), b.to(at::kFloat)).to(a.scalar_type());
}

} // namespace octet::torchao
