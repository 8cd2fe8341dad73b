// A chunk goes forward and backward at once: its gradient overwrites its
// logits, so no logits outlive their chunk.
#include "core/model/head.h"

#include "core/data/batch.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

namespace octet {

Head::Result Head::loss(
    const at::Tensor& x,
    const std::vector<int64_t>& targets,
    const StepContext& context,
    bool want_grad,
    double grad_scale) {
  std::vector<int64_t> rows, wanted;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] != kIgnoreTarget) {
      rows.push_back(static_cast<int64_t>(i));
      wanted.push_back(targets[i]);
    }
  }
  Result result;
  result.targets = static_cast<int64_t>(rows.size());
  if (want_grad) {
    result.grad_x = at::zeros_like(x);
  }
  if (rows.empty()) {
    return result;
  }
  const at::Tensor row = at::tensor(rows, at::kLong).to(x.device());
  const at::Tensor target = at::tensor(wanted, at::kLong).to(x.device());
  const at::Tensor weight = norm_.materialize(x.scalar_type());
  Saved norm_saved;
  const at::Tensor hidden = ops_.rms_norm().forward(
      x.index_select(0, row), weight, eps_, want_grad ? &norm_saved : nullptr);
  at::Tensor grad_hidden = want_grad ? at::empty_like(hidden) : at::Tensor();

  // The plan counts on it, see expected_calls().
  for (int64_t begin = 0; begin < result.targets; begin += chunk_rows_) {
    const int64_t end = std::min(result.targets, begin + chunk_rows_);
    SiteSaved saved;
    at::Tensor logits = site_.forward(
        {hidden.slice(0, begin, end)},
        end - begin,
        context,
        want_grad ? &saved : nullptr);
    CrossEntropyOp::Result part = ops_.cross_entropy().compute(
        std::move(logits), target.slice(0, begin, end), want_grad, grad_scale);
    result.loss += part.loss_sum;
    if (want_grad) {
      at::Tensor grad;
      site_.backward(part.grad_logits, saved, context, grad);
      grad_hidden.slice(0, begin, end).copy_(grad);
    }
  }
  if (want_grad) {
    result.grad_x.index_copy_(
        0,
        row,
        ops_.rms_norm().backward(
            grad_hidden, norm_saved, weight, norm_.gradient()));
  }
  return result;
}

at::Tensor Head::logits(const at::Tensor& x, const StepContext& context) {
  const at::Tensor hidden = ops_.rms_norm().forward(
      x, norm_.materialize(x.scalar_type()), eps_, nullptr);
  return site_.forward({hidden}, hidden.size(0), context, nullptr);
}

} // namespace octet
