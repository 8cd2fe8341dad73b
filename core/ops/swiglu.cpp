// SwiGLU: y = silu(gate) * up. Keeps gate and up; the backward computes
// silu(gate) again:
//   grad_up = grad_y * silu(gate), grad_gate = grad_y * up * silu'(gate)
#include "core/ops/reference.h"
#include "core/ops/row_blocks.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/TensorOperators.h>

namespace octet {
namespace {

class ReferenceSwiglu : public SwigluOp {
 public:
  std::string implementation() const override {
    return "reference";
  }

  at::Tensor forward(const at::Tensor& gate, const at::Tensor& up, Saved* saved)
      override {
    at::Tensor y = at::empty_like(gate);
    for_row_blocks(
        gate.size(0), gate.size(1), [&](int64_t, int64_t begin, int64_t end) {
          at::Tensor g = gate.slice(0, begin, end).to(at::kFloat);
          const at::Tensor u = up.slice(0, begin, end).to(at::kFloat);
          y.slice(0, begin, end).copy_(at::silu(g).mul_(u));
        });
    if (saved != nullptr) {
      saved->tensors = {gate, up};
    }
    return y;
  }

  std::pair<at::Tensor, at::Tensor> backward(
      const at::Tensor& grad_y,
      Saved& saved) override {
    const at::Tensor& gate = saved.tensors.at(0);
    const at::Tensor& up = saved.tensors.at(1);
    at::Tensor grad_gate = at::empty_like(gate);
    at::Tensor grad_up = at::empty_like(up);
    for_row_blocks(
        gate.size(0), gate.size(1), [&](int64_t, int64_t begin, int64_t end) {
          const at::Tensor g = gate.slice(0, begin, end).to(at::kFloat);
          const at::Tensor u = up.slice(0, begin, end).to(at::kFloat);
          const at::Tensor dy = grad_y.slice(0, begin, end).to(at::kFloat);
          grad_up.slice(0, begin, end).copy_(at::silu(g).mul_(dy));
          grad_gate.slice(0, begin, end).copy_(at::silu_backward(dy * u, g));
        });
    return {grad_gate, grad_up};
  }
};

} // namespace

std::shared_ptr<SwigluOp> reference_swiglu() {
  return std::make_shared<ReferenceSwiglu>();
}

} // namespace octet
