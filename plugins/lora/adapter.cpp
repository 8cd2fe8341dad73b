// Keeps x (which the site's other parts keep too) and the thin product x A^T.
// The dropout mask is drawn again in backward.
#include "adapter.h"

#include "dropout.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>
#include <ATen/TensorOperators.h>

namespace octet::lora {
namespace {

at::Tensor& gradient(Parameter& parameter) {
  if (!parameter.grad.defined()) {
    parameter.grad = at::zeros_like(parameter.master);
  }
  return parameter.grad;
}

/// sum += a b, where only sum must be fp32.
void add_product(
    at::Tensor& sum,
    const at::Tensor& a,
    const at::Tensor& b,
    double scale) {
  if (a.scalar_type() == at::kFloat) {
    sum.addmm_(a, b, /*beta=*/1, /*alpha=*/scale);
  } else {
    sum.add_(at::mm(a, b), scale);
  }
}

} // namespace

LoraAdapter::LoraAdapter(
    std::string site,
    const Settings& settings,
    Parameter& a,
    Parameter& b)
    : site_(std::move(site)),
      dropout_(settings.dropout),
      scale_(settings.scale(a.master.size(0))),
      product_dtype_(settings.product_dtype),
      a_(a),
      b_(b) {}

bool LoraAdapter::drops(const StepContext& context) const {
  return dropout_ > 0 && context.training;
}

void LoraAdapter::forward(
    const at::Tensor& x,
    at::Tensor& y,
    const StepContext& context,
    Saved* saved) {
  at::Tensor input = x.to(product_dtype_);
  if (drops(context)) {
    input = dropped(input, dropout_, mask_seed(context, site_));
  }
  const at::Tensor thin = at::linear(input, a_.as(product_dtype_));
  y.add_(at::linear(thin, b_.as(product_dtype_)), scale_);
  if (saved != nullptr) {
    saved->tensors = {x, thin};
  }
}

void LoraAdapter::backward(
    const at::Tensor& grad_y,
    at::Tensor& grad_x,
    const StepContext& context,
    Saved& saved) {
  const at::Tensor& x = saved.tensors.at(0);
  const at::Tensor& thin = saved.tensors.at(1);
  const at::Tensor grad = grad_y.to(product_dtype_);
  add_product(gradient(b_), grad.t(), thin, scale_);
  const at::Tensor grad_thin = at::mm(grad, b_.as(product_dtype_)) * scale_;

  const bool drop = drops(context);
  const uint64_t seed = drop ? mask_seed(context, site_) : 0;
  at::Tensor input = x.to(product_dtype_);
  if (drop) {
    input = dropped(input, dropout_, seed);
  }
  add_product(gradient(a_), grad_thin.t(), input, 1);
  if (grad_x.defined()) {
    at::Tensor through = at::mm(grad_thin, a_.as(product_dtype_));
    grad_x.add_(drop ? dropped(through, dropout_, seed) : through);
  }
}

at::Tensor LoraAdapter::delta() const {
  return at::mm(b_.master, a_.master) * scale_;
}

} // namespace octet::lora
