// Layouts, padding and scales as cuBLAS and CUTLASS want them: A row-major, B
// column-major, K a multiple of 16, both scales of one kind.
#include "scaled_mm.h"

#include <octet/error.h>

#include <ATen/ops/_scaled_mm.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/TensorOperators.h>

namespace octet::torchao {
namespace {

constexpr int64_t kAlignment = 16;

int64_t missing(int64_t size) {
  return (kAlignment - size % kAlignment) % kAlignment;
}

bool is_row_major(const at::Tensor& matrix) {
  return matrix.stride(0) > matrix.stride(1) && matrix.stride(1) == 1;
}

at::Tensor row_major(const at::Tensor& a, bool pad) {
  const int64_t columns = pad ? missing(a.size(1)) : 0;
  const at::Tensor padded =
      columns > 0 ? at::constant_pad_nd(a, {0, columns}) : a;
  return is_row_major(padded) ? padded : padded.contiguous();
}

at::Tensor column_major(const at::Tensor& b, bool pad) {
  const int64_t rows = pad ? missing(b.size(0)) : 0;
  const at::Tensor padded =
      rows > 0 ? at::constant_pad_nd(b, {0, 0, 0, rows}) : b;
  return is_row_major(padded) ? padded.t().contiguous().t() : padded;
}

/// The kernels take two scales of one kind only.
at::Tensor repeated(const Float8Tensor& tensor, at::IntArrayRef shape) {
  return tensor.scale.expand(shape).contiguous();
}

} // namespace

std::string
alignment_problem(int64_t inner, int64_t columns, bool pad_inner_dim) {
  if (columns % kAlignment != 0) {
    return "FP8 products need a result whose width is a multiple of 16, got " +
        std::to_string(columns);
  }
  if (!pad_inner_dim && inner % kAlignment != 0) {
    return "FP8 products need an inner dimension that is a multiple of 16, "
           "got " +
        std::to_string(inner) +
        "; set precision.torchao.pad_inner_dim = true, or make every batch a "
        "multiple of 16 tokens";
  }
  return "";
}

at::Tensor scaled_mm(
    const Float8Tensor& a,
    const Float8Tensor& b,
    bool fast_accum,
    bool pad_inner_dim) {
  const int64_t rows = a.data.size(0), columns = b.data.size(1);
  if (a.data.is_cuda()) {
    const std::string problem =
        alignment_problem(a.data.size(1), columns, pad_inner_dim);
    if (!problem.empty()) {
      throw Error("torchao", problem);
    }
  }
  const bool rowwise = a.axiswise() || b.axiswise();
  at::Tensor inverse_a = at::reciprocal(
      rowwise && !a.axiswise() ? repeated(a, {rows, 1}) : a.scale);
  at::Tensor inverse_b = at::reciprocal(
      rowwise && !b.axiswise() ? repeated(b, {1, columns}) : b.scale);
  at::Tensor scaled_afterwards;
  if (rowwise && !fast_accum) {
    scaled_afterwards = inverse_a * inverse_b;
    inverse_a = inverse_b = at::ones({}, inverse_a.options());
  }
  const at::ScalarType dtype = rowwise ? at::kBFloat16 : a.original;
  at::Tensor product = at::_scaled_mm(
      row_major(a.data, pad_inner_dim),
      column_major(b.data, pad_inner_dim),
      inverse_a,
      inverse_b,
      /*bias=*/{},
      /*scale_result=*/{},
      dtype,
      fast_accum);
  if (scaled_afterwards.defined()) {
    product.mul_(scaled_afterwards);
  }
  return product.to(a.original);
}

} // namespace octet::torchao
