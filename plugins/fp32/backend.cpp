// y = x w^T, grad_x = grad_y w, grad_w += grad_y^T x.
#include "backend.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/TensorOperators.h>

namespace octet::fp32 {
namespace {

class Fp32Gemm : public Gemm {
 public:
  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext&,
      Saved* saved) override {
    // x is only needed for the gradient of the weight.
    if (saved != nullptr && !w.frozen()) {
      saved->tensors = {x.value};
    }
    return at::linear(x.value, w.materialize(at::kFloat));
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext&,
      const GradRequest& want) override {
    if (want.weight.defined()) {
      want.weight.addmm_(grad_y.t(), saved.tensors.at(0));
    }
    return want.input ? at::mm(grad_y, w.materialize(at::kFloat))
                      : at::Tensor();
  }
};

} // namespace

SiteVerdict Backend::accepts(const Site& site) const {
  return site.kind == SiteKind::linear
      ? SiteVerdict::yes()
      : SiteVerdict::skip("an embedding has no matrix product");
}

std::unique_ptr<Gemm> Backend::make_gemm(const Site&) {
  return std::make_unique<Fp32Gemm>();
}

} // namespace octet::fp32
