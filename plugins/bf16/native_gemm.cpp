// One bf16 product of ATen each. The gradient of the weight is rounded to bf16
// once by the product, then added in fp32.
#include "backend.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/TensorOperators.h>

namespace octet::bf16 {
namespace {

class NativeGemm : public Gemm {
 public:
  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext&,
      Saved* saved) override {
    if (saved != nullptr && !w.frozen()) {
      saved->tensors = {x.value};
    }
    return at::linear(x.value, w.materialize(at::kBFloat16));
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext&,
      const GradRequest& want) override {
    if (want.weight.defined()) {
      want.weight.add_(at::mm(grad_y.t(), saved.tensors.at(0)));
    }
    return want.input ? at::mm(grad_y, w.materialize(at::kBFloat16))
                      : at::Tensor();
  }
};

} // namespace

std::unique_ptr<Gemm> make_native_gemm() {
  return std::make_unique<NativeGemm>();
}

} // namespace octet::bf16
