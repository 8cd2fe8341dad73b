// Decoders whose linear layers a backend computes, and the control that such
// tests must tell from a recipe.
#pragma once

#include "core/model/decoder.h"
#include "core/resolve/plan.h"
#include "plugins/torchao/cast.h"

#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/TensorOperators.h>

namespace octet::torchao::testing {

/// Gives `backend` every linear layer of `decoder` that it accepts.
/// @returns their number
inline size_t use(PrecisionBackend& backend, Decoder& decoder) {
  Plan plan;
  for (const Site& site : decoder.spec().sites()) {
    SitePlan planned;
    planned.site = site;
    if (backend.accepts(site).accepted) {
      planned.placements = {{"fp8", "gemm", ""}};
    }
    plan.sites.push_back(planned);
  }
  return decoder.use_backend("fp8", backend, plan).size();
}

/// Casts to e4m3 with a scale of 1, whatever the tensor.
class StuckScale : public PrecisionBackend {
 public:
  SiteVerdict accepts(const Site& site) const override {
    return site.kind == SiteKind::linear && site.role != "lm_head"
        ? SiteVerdict::yes()
        : SiteVerdict::skip("stays");
  }
  std::unique_ptr<Gemm> make_gemm(const Site&) override {
    return std::make_unique<Product>();
  }

 private:
  static at::Tensor cast(const at::Tensor& x) {
    return to_float8(x, at::full({}, 1.0F), at::kFloat8_e4m3fn).to(at::kFloat);
  }
  class Product : public Gemm {
   public:
    at::Tensor forward(
        const Activation& x,
        const WeightSource& w,
        const StepContext&,
        Saved* saved) override {
      if (saved != nullptr) {
        saved->tensors = {x.value};
      }
      return at::mm(cast(x.value), cast(w.materialize(at::kFloat)).t())
          .to(x.value.scalar_type());
    }
    at::Tensor backward(
        const at::Tensor& grad_y,
        Saved& saved,
        const WeightSource& w,
        const StepContext&,
        const GradRequest& want) override {
      const at::Tensor grad = cast(grad_y);
      want.weight.add_(at::mm(grad.t(), cast(saved.tensors.at(0))));
      return at::mm(grad, cast(w.materialize(at::kFloat)))
          .to(grad_y.scalar_type());
    }
  };
};

} // namespace octet::torchao::testing
