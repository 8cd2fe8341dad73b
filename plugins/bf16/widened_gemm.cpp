// bf16 products on a CPU that cannot multiply bf16: a block of the weight's
// rows at a time becomes fp32, so a head of 50,000 rows needs a few MB.
// Shapes: M tokens, K inputs, N outputs.
#include "backend.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

namespace octet::bf16 {
namespace {

/// Rows of the weight in a block: neither the block [rows, K] nor the outputs
/// [M, rows] should exceed 8 MB of fp32.
int64_t block_of(int64_t tokens, int64_t inputs) {
  constexpr int64_t kElements = int64_t{2} << 20;
  return std::max<int64_t>(64, kElements / std::max(tokens, inputs));
}

class WidenedGemm : public Gemm {
 public:
  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext&,
      Saved* saved) override {
    if (saved != nullptr && !w.frozen()) {
      saved->tensors = {x.value};
    }
    const at::Tensor weight = w.materialize(at::kBFloat16);
    const int64_t outputs = weight.size(0);
    const int64_t rows = block_of(x.value.size(0), weight.size(1));
    const at::Tensor x_wide = x.value.to(at::kFloat);
    at::Tensor y = at::empty({x.value.size(0), outputs}, x.value.options());
    for (int64_t begin = 0; begin < outputs; begin += rows) {
      const int64_t end = std::min(outputs, begin + rows);
      const at::Tensor block = weight.slice(0, begin, end).to(at::kFloat);
      y.slice(1, begin, end).copy_(at::mm(x_wide, block.t()));
    }
    return y;
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext&,
      const GradRequest& want) override {
    const at::Tensor weight = w.materialize(at::kBFloat16);
    const int64_t tokens = grad_y.size(0);
    const int64_t outputs = weight.size(0), inputs = weight.size(1);
    const int64_t rows = block_of(tokens, inputs);
    at::Tensor x_wide, grad_x;
    if (want.weight.defined()) {
      x_wide = saved.tensors.at(0).to(at::kFloat);
    }
    for (int64_t begin = 0; begin < outputs; begin += rows) {
      const int64_t end = std::min(outputs, begin + rows);
      const at::Tensor grad = grad_y.slice(1, begin, end).to(at::kFloat);
      if (want.weight.defined()) {
        want.weight.slice(0, begin, end).addmm_(grad.t(), x_wide);
      }
      if (want.input) {
        const at::Tensor block = weight.slice(0, begin, end).to(at::kFloat);
        if (grad_x.defined()) {
          grad_x.addmm_(grad, block);
        } else {
          grad_x = at::mm(grad, block);
        }
      }
    }
    return want.input ? grad_x.to(at::kBFloat16) : at::Tensor();
  }
};

} // namespace

std::unique_ptr<Gemm> make_widened_gemm() {
  return std::make_unique<WidenedGemm>();
}

} // namespace octet::bf16
