// Fast accumulation is used in the forward alone, as Transformer Engine's
// recipes do: gradients are sums over many tokens.
#include "product.h"

#include "device.h"

namespace octet::te {

void Products::multiply(
    const Quantized& a,
    const Quantized& b,
    const at::Tensor& d,
    bool transa,
    bool transb,
    bool grad,
    bool accumulate,
    bool split_accumulator) {
  if (!workspace_.defined()) {
    workspace_ = make_workspace(d.device(), capability_);
    no_bias_.emplace(*library_, abi::kTensorScaling);
    no_gelu_.emplace(*library_, abi::kTensorScaling);
  }
  Handle left(*library_, a.mode), right(*library_, b.mode);
  fill(left, a, /*swizzled=*/true);
  fill(right, b, /*swizzled=*/true);
  const Handle out(*library_, d), workspace(*library_, workspace_);
  constexpr int kAllMultiprocessors = 0;
  library_->call(
      "nvte_cublas_gemm",
      library_->functions().cublas_gemm,
      left.get(),
      right.get(),
      out.get(),
      no_bias_->get(),
      no_gelu_->get(),
      transa,
      transb,
      grad,
      workspace.get(),
      accumulate,
      split_accumulator,
      kAllMultiprocessors,
      current_stream(d.device()));
}

void Products::forward(
    const Quantized& w,
    const Quantized& x,
    const at::Tensor& y,
    bool split_accumulator) {
  multiply(w, x, y, true, false, false, false, split_accumulator);
}

void Products::grad_input(
    const Quantized& w,
    const Quantized& grad_y,
    const at::Tensor& grad_x) {
  multiply(w, grad_y, grad_x, false, false, true, false, true);
}

void Products::grad_weight(
    const Quantized& x,
    const Quantized& grad_y,
    const at::Tensor& grad_w) {
  multiply(x, grad_y, grad_w, false, true, true, true, true);
}

bool Products::any_layout() {
  if (!any_layout_.has_value()) {
    any_layout_ = library_->call(
                      "nvte_is_non_tn_fp8_gemm_supported",
                      library_->functions().is_non_tn_fp8_gemm_supported) != 0;
  }
  return *any_layout_;
}

} // namespace octet::te
