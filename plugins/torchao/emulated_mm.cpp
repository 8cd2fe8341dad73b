// See the header.
#include "emulated_mm.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

namespace octet::torchao {
namespace {

/// ATen's conversion from FP8 takes several times as long as this table of its
/// 256 results.
template <typename T>
void look_up(
    const at::Tensor& bytes,
    const at::Tensor& table,
    const at::Tensor& result) {
  const auto* in = static_cast<const uint8_t*>(bytes.const_data_ptr());
  const T* values = table.const_data_ptr<T>();
  T* out = result.mutable_data_ptr<T>();
  at::parallel_for(0, bytes.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      out[i] = values[in[i]];
    }
  });
}

/// data in bf16 or fp32, its strides kept.
at::Tensor decode(const at::Tensor& data, at::ScalarType dtype) {
  if (!data.is_cpu() || !data.is_non_overlapping_and_dense()) {
    return data.to(dtype);
  }
  const at::Tensor table =
      at::arange(256, at::kByte).view(data.scalar_type()).to(dtype);
  const at::Tensor result = at::empty_like(data, dtype);
  if (dtype == at::kBFloat16) {
    look_up<at::BFloat16>(data, table, result);
  } else {
    look_up<float>(data, table, result);
  }
  return result;
}

const at::Tensor& values_of(Float8Tensor& tensor, at::ScalarType dtype) {
  if (!tensor.values.defined() || tensor.values.scalar_type() != dtype) {
    // Divided in fp32 at the most, as torchao does.
    const at::ScalarType quotient =
        dtype == at::kBFloat16 ? dtype : at::ScalarType::Float;
    tensor.values =
        decode(tensor.data, quotient).div_(tensor.scale.to(quotient)).to(dtype);
  }
  return tensor.values;
}

/// fp64 operands ask for sums in fp64, whose order does not show.
at::ScalarType sum_dtype(at::ScalarType original, bool exact_in_bf16) {
  if (original == at::kDouble) {
    return at::kDouble;
  }
  return exact_in_bf16 && original == at::kBFloat16 ? at::kBFloat16
                                                    : at::kFloat;
}

} // namespace

at::Tensor emulated_mm(Float8Tensor& a, Float8Tensor& b, bool exact_in_bf16) {
  const at::ScalarType dtype = sum_dtype(a.original, exact_in_bf16);
  return at::mm(values_of(a, dtype), values_of(b, dtype)).to(a.original);
}

at::Tensor high_precision_mm(
    const at::Tensor& a,
    const at::Tensor& b,
    bool bf16_products) {
  const bool wide =
      a.scalar_type() == at::kFloat || a.scalar_type() == at::kDouble;
  if (wide || a.is_cuda() || bf16_products) {
    return at::mm(a, b);
  }
  return at::mm(a.to(at::kFloat), b.to(at::kFloat)).to(a.scalar_type());
}

} // namespace octet::torchao
