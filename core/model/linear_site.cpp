// The order in which the slots of a site are applied, forward and back.
#include "core/model/linear_site.h"

#include "core/model/plain_gemm.h"

#include <ATen/ops/zeros_like.h>
#include <ATen/TensorOperators.h>

namespace octet {
namespace {

/// The weight as a transform leaves it. Backward asks again, so the
/// transformed weight is never kept.
class TransformedWeight : public WeightSource {
 public:
  TransformedWeight(
      const WeightSource& weight,
      WeightTransform& transform,
      const StepContext& context)
      : weight_(weight), transform_(transform), context_(context) {}

  at::Tensor materialize(at::ScalarType dtype) const override {
    return transform_.forward(weight_.materialize(dtype), context_);
  }
  int64_t version() const override {
    return weight_.version();
  }
  bool frozen() const override {
    return weight_.frozen();
  }

 private:
  const WeightSource& weight_;
  WeightTransform& transform_;
  const StepContext& context_;
};

} // namespace

LinearSite::LinearSite(Site site, BaseTensor& weight, BaseTensor* bias)
    : site_(std::move(site)),
      weight_(weight),
      bias_(bias),
      gemm_(make_plain_gemm()) {}

void LinearSite::count(int64_t CallCount::*calls, const StepContext& context) {
  if (context.view == ModelView::policy) {
    ++(calls_.*calls);
  }
}

at::Tensor LinearSite::forward(
    const Activation& x,
    int64_t tokens,
    const StepContext& context,
    SiteSaved* saved) {
  // The shared object where nothing changes it, so that the group's sites see
  // what the first of them left in it.
  Activation transformed;
  if (input_transform_ != nullptr) {
    transformed.value = input_transform_->forward(
        x.value, context, saved != nullptr ? &saved->input : nullptr);
  }
  const Activation& input = input_transform_ != nullptr ? transformed : x;
  Saved* gemm_saved = saved != nullptr ? &saved->gemm : nullptr;
  count(&CallCount::forward, context);
  at::Tensor y = weight_transform_ == nullptr
      ? gemm_->forward(input, weight_, context, gemm_saved)
      : gemm_->forward(
            input,
            TransformedWeight(weight_, *weight_transform_, context),
            context,
            gemm_saved);
  if (bias_ != nullptr) {
    y.slice(0, 0, tokens).add_(bias_->materialize(y.scalar_type()));
  }
  if (saved != nullptr) {
    saved->adapters.resize(adapters_.size());
  }
  for (size_t i = 0; i < adapters_.size(); ++i) {
    adapters_[i]->forward(
        x.value, y, context, saved != nullptr ? &saved->adapters[i] : nullptr);
  }
  return y;
}

void LinearSite::backward(
    const at::Tensor& grad_y,
    SiteSaved& saved,
    const StepContext& context,
    at::Tensor& grad_x) {
  if (bias_ != nullptr && !bias_->frozen()) {
    bias_->gradient().add_(grad_y.sum(0, /*keepdim=*/false, at::kFloat));
  }
  at::Tensor grad = backward_gemm(grad_y, saved, context);
  if (input_transform_ != nullptr) {
    grad = input_transform_->backward(grad, saved.input);
  }
  for (size_t i = 0; i < adapters_.size(); ++i) {
    adapters_[i]->backward(grad_y, grad, context, saved.adapters[i]);
  }
  saved = {};
  if (grad_x.defined()) {
    grad_x.add_(grad);
  } else {
    grad_x = std::move(grad);
  }
}

at::Tensor LinearSite::backward_gemm(
    const at::Tensor& grad_y,
    SiteSaved& saved,
    const StepContext& context) {
  count(&CallCount::backward, context);
  GradRequest want;
  if (weight_transform_ == nullptr) {
    want.weight = weight_.gradient();
    return gemm_->backward(grad_y, saved.gemm, weight_, context, want);
  }
  if (!weight_.frozen()) {
    want.weight = at::zeros_like(weight_.gradient());
  }
  at::Tensor grad_x = gemm_->backward(
      grad_y,
      saved.gemm,
      TransformedWeight(weight_, *weight_transform_, context),
      context,
      want);
  if (want.weight.defined()) {
    weight_transform_->backward(
        weight_.materialize(grad_y.scalar_type()), want.weight);
    weight_.gradient().add_(want.weight);
  }
  return grad_x;
}

at::Tensor LinearSite::delta() const {
  at::Tensor sum;
  for (const auto& adapter : adapters_) {
    const at::Tensor delta = adapter->delta();
    sum = sum.defined() ? sum + delta : delta;
  }
  return sum;
}

} // namespace octet
