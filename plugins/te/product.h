// The matrix products, each one call of Transformer Engine.
//
// Transformer Engine sees row-major matrices as cuBLAS does, transposed, so
// its A is our right operand: y = x w^T has A = w, B = x.
#pragma once

#include "quantized.h"

#include <memory>
#include <optional>

namespace octet::te {

class Products {
 public:
  Products(std::shared_ptr<const Library> library, unsigned capability)
      : library_(std::move(library)), capability_(capability) {}

  /// y = x w^T. @param y [M, N] bf16, overwritten
  void forward(
      const Quantized& w,
      const Quantized& x,
      const at::Tensor& y,
      bool split_accumulator);
  /// grad_x = grad_y w. @param grad_x [M, K] bf16, overwritten
  void grad_input(
      const Quantized& w,
      const Quantized& grad_y,
      const at::Tensor& grad_x);
  /// grad_w += grad_y^T x. @param grad_w [N, K] fp32, added to
  void grad_weight(
      const Quantized& x,
      const Quantized& grad_y,
      const at::Tensor& grad_w);

  /// Whether FP8 operands are read in any order. If not (compute capability
  /// 8.9 and 9.0), the gradients' products need the columnwise copies.
  bool any_layout();

 private:
  void multiply(
      const Quantized& a,
      const Quantized& b,
      const at::Tensor& d,
      bool transa,
      bool transb,
      bool grad,
      bool accumulate,
      bool split_accumulator);

  std::shared_ptr<const Library> library_;
  unsigned capability_;
  at::Tensor workspace_;
  std::optional<Handle> no_bias_, no_gelu_;
  std::optional<bool> any_layout_;
};

} // namespace octet::te
