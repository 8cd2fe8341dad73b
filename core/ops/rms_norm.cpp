// RMSNorm. Rounds where transformers rounds: the normalized row goes to the
// compute dtype, then the weight is multiplied. The backward is in fp32, in the
// order in which autograd differentiates transformers' expression:
//   g = grad_y * w, grad_w = sum(grad_y * x * rstd)
//   grad_x = g * rstd + 2 x * (-1/2 sum(g * x) rstd^3 / c)
#include "core/ops/reference.h"
#include "core/ops/row_blocks.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/TensorOperators.h>

namespace octet {
namespace {

class ReferenceRmsNorm : public RmsNormOp {
 public:
  std::string implementation() const override {
    return "reference";
  }

  at::Tensor forward(
      const at::Tensor& x,
      const at::Tensor& w,
      double eps,
      Saved* saved) override {
    const int64_t channels = x.size(-1);
    const at::Tensor rows = x.reshape({-1, channels});
    const at::Tensor weight = w.to(x.scalar_type());
    at::Tensor y = at::empty_like(rows);
    at::Tensor rstd =
        at::empty({rows.size(0), 1}, rows.options().dtype(at::kFloat));
    for_row_blocks(
        rows.size(0), channels, [&](int64_t, int64_t begin, int64_t end) {
          at::Tensor x_block = rows.slice(0, begin, end).to(at::kFloat);
          at::Tensor r = x_block.pow(2).mean(-1, true).add_(eps).rsqrt_();
          at::Tensor y_block = y.slice(0, begin, end);
          y_block.copy_(x_block * r);
          y_block.mul_(weight);
          rstd.slice(0, begin, end).copy_(r);
        });
    if (saved != nullptr) {
      saved->tensors = {x, rstd};
    }
    return y.view(x.sizes());
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const at::Tensor& w,
      at::Tensor grad_w) override {
    const int64_t channels = grad_y.size(-1);
    const at::Tensor x = saved.tensors.at(0).reshape({-1, channels});
    const at::Tensor& rstd = saved.tensors.at(1);
    const at::Tensor grad = grad_y.reshape({-1, channels});
    const at::Tensor weight = w.to(at::kFloat);
    const int64_t rows = x.size(0);
    at::Tensor grad_x = at::empty_like(x);
    // One row of partial sums a block: the order of additions is fixed.
    at::Tensor partial;
    if (grad_w.defined()) {
      partial = at::empty(
          {block_count(rows, channels), channels},
          x.options().dtype(at::kFloat));
    }
    for_row_blocks(
        rows, channels, [&](int64_t block, int64_t begin, int64_t end) {
          const at::Tensor r = rstd.slice(0, begin, end);
          const at::Tensor x_block = x.slice(0, begin, end).to(at::kFloat);
          at::Tensor g = grad.slice(0, begin, end).to(at::kFloat);
          if (partial.defined()) {
            partial.select(0, block).copy_((g * (x_block * r)).sum(0));
          }
          g = g * weight;
          const at::Tensor grad_r = (g * x_block).sum(-1, true);
          const at::Tensor slope = (-0.5 * grad_r * r.pow(3)).div_(channels);
          grad_x.slice(0, begin, end)
              .copy_(g.mul_(r).add_(x_block.mul(2).mul_(slope)));
        });
    if (grad_w.defined()) {
      grad_w.add_(partial.sum(0));
    }
    return grad_x.view(grad_y.sizes());
  }
};

} // namespace

std::shared_ptr<RmsNormOp> reference_rms_norm() {
  return std::make_shared<ReferenceRmsNorm>();
}

} // namespace octet
