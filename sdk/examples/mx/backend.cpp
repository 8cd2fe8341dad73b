// Blocks run along the dimension that a product sums over, as hardware needs
// it, so an operand of two products is rounded twice:
//
//   y      = q(x) q(w)^T            blocks along K
//   grad_x = q(grad_y) q(w^T)^T     blocks along N
//   grad_w = q(grad_y^T) q(x^T)^T   blocks along M
//
// Shapes: M tokens, K inputs, N outputs.
#include "backend.h"

#include <ATen/ops/mm.h>
#include <ATen/TensorOperators.h>

namespace octet::mx {
namespace {

class MxGemm : public Gemm {
 public:
  MxGemm(ElementFormat element, ElementFormat gradient)
      : element_(element), gradient_(gradient) {}

  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext& context,
      Saved* saved) override {
    // Rounded again along M in backward, so x itself is kept.
    if (saved != nullptr && !w.frozen()) {
      saved->tensors = {x.value};
    }
    const at::Tensor weight = w.materialize(x.value.scalar_type());
    const at::Tensor x_blocks = round_blocks(x.value, element_);
    const at::Tensor w_blocks = round_blocks(weight, element_);
    if (context.watch) {
      statistics_ = {
          cast_statistics("input", x.value, x_blocks, element_),
          cast_statistics("weight", weight, w_blocks, element_)};
    }
    return at::mm(x_blocks, w_blocks.t()).to(x.value.scalar_type());
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext& context,
      const GradRequest& want) override {
    if (want.weight.defined()) {
      want.weight.addmm_(
          round_blocks(grad_y.t(), gradient_),
          round_blocks(saved.tensors.at(0).t(), element_).t());
    }
    if (!want.input && !context.watch) {
      return {};
    }
    const at::Tensor g_blocks = round_blocks(grad_y, gradient_);
    if (context.watch) {
      statistics_.push_back(
          cast_statistics("grad_output", grad_y, g_blocks, gradient_));
    }
    if (!want.input) {
      return {};
    }
    const at::Tensor weight = w.materialize(grad_y.scalar_type());
    return at::mm(g_blocks, round_blocks(weight.t(), element_).t())
        .to(grad_y.scalar_type());
  }

  std::vector<CastStatistics> statistics() const override {
    return statistics_;
  }

 private:
  ElementFormat element_, gradient_;
  std::vector<CastStatistics> statistics_;
};

} // namespace

SiteVerdict Backend::accepts(const Site& site) const {
  return site.kind == SiteKind::linear
      ? SiteVerdict::yes()
      : SiteVerdict::skip("an embedding has no matrix product");
}

std::unique_ptr<Gemm> Backend::make_gemm(const Site&) {
  return std::make_unique<MxGemm>(element_, gradient_);
}

} // namespace octet::mx
