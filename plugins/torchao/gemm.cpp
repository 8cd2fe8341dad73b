// Saves what torchao's autograd function saves: the input in high precision.
// The weight is asked for again and cast again in backward, since its scales
// there run along the other dimension. Nothing of a cast outlives its call, so
// recomputation and evaluation leave no trace.
//
// A trained weight is cast from its fp32 master, a frozen one from the dtype it
// is stored in, as torchao under autocast does.
// Source: torchao 0.18 float8/float8_linear.py. Shapes: M tokens, K inputs, N
// outputs.
#include "gemm.h"

#include "emulated_mm.h"
#include "scaled_mm.h"
#include "statistics.h"

#include <octet/error.h>

#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>
#include <c10/util/Exception.h>

#include <utility>

namespace octet::torchao {
namespace {

constexpr int64_t kRows = 1, kColumns = 0;

class Float8Gemm : public Gemm {
 public:
  Float8Gemm(std::shared_ptr<const Settings> settings, std::string site)
      : settings_(std::move(settings)), site_(std::move(site)) {}

  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext& context,
      Saved* saved) override {
    if (saved != nullptr && !w.frozen()) {
      saved->tensors = {x.value};
    }
    const at::Tensor weight_t = weight_of(w, x.value).t();
    if (x.value.size(0) == 0) {
      return at::zeros({0, weight_t.size(1)}, x.value.options());
    }
    const auto input = shared_input(x);
    Float8Tensor weight = cast(weight_t, recipe().weight, kColumns);
    if (context.watch) {
      input_row_ = measure_cast("input", x.value, *input);
      weight_row_ = measure_cast("weight", weight_t, weight);
    }
    return multiply("output", *input, weight, recipe().fast_accum_output);
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext& context,
      const GradRequest& want) override {
    if (grad_y.size(0) == 0) {
      return want.input
          ? at::zeros({0, weight_of(w, grad_y).size(1)}, grad_y.options())
          : at::Tensor();
    }
    Float8Tensor grad = cast(grad_y, recipe().grad_output, kRows);
    if (context.watch) {
      grad_row_ = measure_cast("grad_output", grad_y, grad);
    }
    at::Tensor grad_x;
    if (want.input) {
      Float8Tensor weight =
          cast(weight_of(w, grad_y).t(), recipe().weight_for_grad_input, kRows)
              .t();
      grad_x = multiply("grad_input", grad, weight, false);
    }
    if (want.weight.defined()) {
      want.weight.add_(grad_weight(grad_y, grad, saved.tensors.at(0)));
    }
    return grad_x;
  }

  std::vector<CastStatistics> statistics() const override {
    std::vector<CastStatistics> rows;
    for (const CastStatistics& row : {input_row_, weight_row_, grad_row_}) {
      if (!row.tensor.empty()) {
        rows.push_back(row);
      }
    }
    return rows;
  }

 private:
  const Recipe& recipe() const {
    return settings_->recipe;
  }

  static at::Tensor weight_of(const WeightSource& w, const at::Tensor& x) {
    return w.materialize(w.frozen() ? x.scalar_type() : at::kFloat);
  }

  Float8Tensor cast(const at::Tensor& x, const CastConfig& config, int64_t axis)
      const {
    return cast_to_float8(x, config, axis, recipe().round_scales_to_power_of_2);
  }

  /// The cast of the input, made once for the sites that share it.
  std::shared_ptr<Float8Tensor> shared_input(const Activation& x) const {
    if (x.quantized == nullptr) {
      x.quantized =
          std::make_shared<Float8Tensor>(cast(x.value, recipe().input, kRows));
    }
    return std::static_pointer_cast<Float8Tensor>(x.quantized);
  }

  at::Tensor grad_weight(
      const at::Tensor& grad_y,
      const Float8Tensor& grad,
      const at::Tensor& x) const {
    if (!recipe().grad_output_for_grad_weight.enabled) {
      return high_precision_mm(grad_y.t(), x, settings_->bf16_products);
    }
    // One scale a tensor does not depend on the dimension.
    Float8Tensor grad_t = grad.axiswise()
        ? cast(grad_y, recipe().grad_output_for_grad_weight, kColumns).t()
        : grad.t();
    Float8Tensor input = cast(x, recipe().input_for_grad_weight, kColumns);
    return multiply("grad_weight", grad_t, input, false);
  }

  at::Tensor multiply(
      const char* product,
      Float8Tensor& a,
      Float8Tensor& b,
      bool fast_accum) const {
    if (settings_->emulate) {
      return emulated_mm(
          a,
          b,
          settings_->bf16_products && recipe().round_scales_to_power_of_2);
    }
    try {
      return scaled_mm(a, b, fast_accum, settings_->pad_inner_dim);
    } catch (const Error& error) {
      throw Error("torchao", place(product) + error.message());
    } catch (const c10::Error& error) {
      throw Error(
          "torchao",
          place(product) + "at::_scaled_mm cannot compute this product here: " +
              error.what_without_backtrace() +
              "; choose another precision.torchao.recipe, or set "
              "precision.backend = \"bf16\"");
    }
  }

  std::string place(const char* product) const {
    return site_ + " (" + product + "): ";
  }

  std::shared_ptr<const Settings> settings_;
  std::string site_;
  CastStatistics input_row_, weight_row_, grad_row_;
};

} // namespace

std::unique_ptr<Gemm> make_float8_gemm(
    std::shared_ptr<const Settings> settings,
    std::string site) {
  return std::make_unique<Float8Gemm>(std::move(settings), std::move(site));
}

} // namespace octet::torchao
