// y = x w^T with one call of ATen each; saves x only when the weight is
// trained.
#include "core/model/plain_gemm.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/TensorOperators.h>

namespace octet {
namespace {

class PlainGemm : public Gemm {
 public:
  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext&,
      Saved* saved) override {
    if (saved != nullptr && !w.frozen()) {
      saved->tensors = {x.value};
    }
    return at::linear(x.value, w.materialize(x.value.scalar_type()));
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext&,
      const GradRequest& want) override {
    if (want.weight.defined()) {
      const at::Tensor& x = saved.tensors.at(0);
      if (x.scalar_type() == at::kFloat) {
        at::Tensor(want.weight).addmm_(grad_y.t(), x);
      } else {
        at::Tensor(want.weight).add_(at::mm(grad_y.t(), x));
      }
    }
    return want.input ? at::mm(grad_y, w.materialize(grad_y.scalar_type()))
                      : at::Tensor();
  }
};

} // namespace

std::unique_ptr<Gemm> make_plain_gemm() {
  return std::make_unique<PlainGemm>();
}

} // namespace octet
