// AdamW through ATen's fused kernel (decoupled weight decay, bias correction,
// the arithmetic of torch.optim.AdamW).
#include "core/ops/reference.h"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

namespace octet {
namespace {

class ReferenceAdamw : public AdamwOp {
 public:
  std::string implementation() const override {
    return "reference";
  }

  void update(
      at::Tensor& master,
      const at::Tensor& grad,
      at::Tensor& exp_avg,
      at::Tensor& exp_avg_sq,
      const Settings& settings) override {
    const at::Tensor step =
        at::full({}, static_cast<double>(settings.step), at::kFloat);
    const at::Tensor p = master.view(-1);
    const at::Tensor g = grad.reshape(-1);
    const at::Tensor m = exp_avg.view(-1);
    const at::Tensor v = exp_avg_sq.view(-1);
    // In pieces, so that a scaled copy of the gradient stays small.
    constexpr int64_t kPiece = 1 << 20;
    for (int64_t begin = 0; begin < p.numel(); begin += kPiece) {
      const int64_t end = std::min(p.numel(), begin + kPiece);
      at::Tensor piece = g.slice(0, begin, end);
      if (settings.grad_scale != 1) {
        piece = piece * settings.grad_scale;
      }
      at::_fused_adamw_(
          p.slice(0, begin, end),
          piece,
          m.slice(0, begin, end),
          v.slice(0, begin, end),
          at::TensorList{},
          step,
          settings.learning_rate,
          settings.beta1,
          settings.beta2,
          settings.weight_decay,
          settings.epsilon,
          /*amsgrad=*/false,
          /*maximize=*/false);
    }
  }
};

} // namespace

std::shared_ptr<AdamwOp> reference_adamw() {
  return std::make_shared<ReferenceAdamw>();
}

} // namespace octet
