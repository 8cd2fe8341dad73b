// Loss and update on whole tensors.
#include "core/ops/device.h"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

namespace octet {
namespace {

class DeviceCrossEntropy : public CrossEntropyOp {
 public:
  std::string implementation() const override {
    return "device";
  }

  Result compute(
      at::Tensor logits,
      const at::Tensor& targets,
      bool want_grad,
      double grad_scale) override {
    at::Tensor z = logits.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    z.sub_(z.amax(-1, true));
    const at::Tensor target = targets.unsqueeze(1);
    const at::Tensor z_target = z.gather(1, target);
    z.exp_();
    const at::Tensor sum = z.sum(-1, true);
    Result result;
    result.loss_sum =
        (at::log(sum) - z_target).to(at::kDouble).sum().item<double>();
    if (want_grad) {
      z.mul_(sum.reciprocal().mul_(grad_scale));
      z.scatter_add_(1, target, at::full_like(z_target, -grad_scale));
      logits.copy_(z);
      result.grad_logits = std::move(logits);
    }
    return result;
  }
};

class DeviceAdamw : public AdamwOp {
 public:
  std::string implementation() const override {
    return "device";
  }

  void update(
      at::Tensor& master,
      const at::Tensor& grad,
      at::Tensor& exp_avg,
      at::Tensor& exp_avg_sq,
      const Settings& settings) override {
    // The fused kernel wants the count of updates on its own device.
    const at::Tensor step = at::full(
        {},
        static_cast<double>(settings.step),
        master.options().dtype(at::kFloat));
    const at::Tensor p = master.view(-1), g = grad.reshape(-1);
    const at::Tensor m = exp_avg.view(-1), v = exp_avg_sq.view(-1);
    // A scaled copy of the gradient has 256 MB at most.
    constexpr int64_t kPiece = int64_t{1} << 26;
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

std::shared_ptr<CrossEntropyOp> device_cross_entropy() {
  return std::make_shared<DeviceCrossEntropy>();
}

std::shared_ptr<AdamwOp> device_adamw() {
  return std::make_shared<DeviceAdamw>();
}

} // namespace octet
