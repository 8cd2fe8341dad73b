// Softmax cross-entropy of a chunk of logits. A few rows at a time in fp32;
// the gradient is written over the logits.
#include "core/ops/reference.h"
#include "core/ops/row_blocks.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log.h>
#include <ATen/TensorOperators.h>

namespace octet {
namespace {

class ReferenceCrossEntropy : public CrossEntropyOp {
 public:
  std::string implementation() const override {
    return "reference";
  }

  Result compute(
      at::Tensor logits,
      const at::Tensor& targets,
      bool want_grad,
      double grad_scale) override {
    const int64_t rows = logits.size(0);
    at::Tensor losses = at::empty({rows}, at::kFloat);
    for_row_blocks(
        rows, logits.size(1), [&](int64_t, int64_t begin, int64_t end) {
          at::Tensor block = logits.slice(0, begin, end);
          at::Tensor z = block.to(at::kFloat);
          z.sub_(z.amax(-1, true));
          const at::Tensor target = targets.slice(0, begin, end).unsqueeze(1);
          const at::Tensor z_target = z.gather(1, target);
          z.exp_();
          const at::Tensor sum = z.sum(-1, true);
          losses.slice(0, begin, end)
              .copy_((at::log(sum) - z_target).squeeze(1));
          if (want_grad) {
            z.mul_(sum.reciprocal().mul_(grad_scale));
            z.scatter_add_(1, target, at::full_like(z_target, -grad_scale));
            block.copy_(z);
          }
        });
    Result result;
    result.loss_sum = losses.to(at::kDouble).sum().item<double>();
    if (want_grad) {
      result.grad_logits = std::move(logits);
    }
    return result;
  }
};

} // namespace

std::shared_ptr<CrossEntropyOp> reference_cross_entropy() {
  return std::make_shared<ReferenceCrossEntropy>();
}

} // namespace octet
