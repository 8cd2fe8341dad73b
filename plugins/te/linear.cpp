// Forward: y = x w^T. Backward: grad_x = grad_y w, grad_w += grad_y^T x.
// Shapes: M tokens, M' rows after padding, K inputs, N outputs.
#include "linear.h"

#include "padding.h"
#include "statistics.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <ATen/TensorOperators.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>

namespace octet::te {
namespace {

/// What the first layer of a group leaves in the activation for the others.
struct SharedInput {
  const Quantizer* by = nullptr;
  Quantized value;
};

/// What the recipe does not keep would be lost without a word.
void refuse_unknown(const State& found, const State& kept) {
  for (const auto& [name, tensor] : found) {
    const bool known =
        std::any_of(kept.begin(), kept.end(), [&key = name](const auto& entry) {
          return entry.first == key;
        });
    if (!known) {
      throw Error(
          "te",
          "expected a checkpoint of this precision.te.recipe, found one with " +
              name +
              ", which the recipe does not keep; resume with the "
              "precision.te.recipe of the run that wrote it");
    }
  }
}

void check(const at::Tensor& x, const char* name) {
  if (x.dim() != 2 || x.scalar_type() != at::kBFloat16) {
    throw Error(
        "te",
        std::string("expected ") + name + " as a bf16 matrix, found " +
            c10::toString(x.scalar_type()) + " of " + std::to_string(x.dim()) +
            " dimensions; this is a mistake in Octet, please report it");
  }
}

/// The copy of the input that the weight's gradient reads.
Quantized kept_for_backward(Quantized input) {
  if (input.columnwise.defined()) {
    input.rowwise = at::Tensor();
    input.rowwise_scale_inv = at::Tensor();
    input.rowwise_swizzled = at::Tensor();
  }
  return input;
}

State with_prefix(const std::string& prefix, const State& state) {
  State named;
  for (const auto& [name, value] : state) {
    named.emplace_back(prefix + name, value);
  }
  return named;
}

State with_this_prefix(const std::string& prefix, const State& state) {
  State found;
  for (const auto& [name, value] : state) {
    if (name.rfind(prefix, 0) == 0) {
      found.emplace_back(name.substr(prefix.size()), value);
    }
  }
  return found;
}

} // namespace

Linear::Linear(
    std::shared_ptr<Engine> engine,
    std::shared_ptr<Quantizer> input,
    bool keeps_input_state)
    : engine_(std::move(engine)),
      input_(std::move(input)),
      keeps_input_state_(keeps_input_state),
      weight_(engine_->recipe->quantizer(Operand::weight)),
      grad_output_(engine_->recipe->quantizer(Operand::grad_output)) {}

const Quantized& Linear::quantize_input(
    const Activation& x,
    const StepContext& context,
    bool columnwise) {
  auto* shared = static_cast<SharedInput*>(x.quantized.get());
  const bool fits = shared != nullptr && shared->by == input_.get() &&
      (!columnwise || shared->value.columnwise.defined());
  if (!fits) {
    auto fresh = std::make_shared<SharedInput>();
    fresh->by = input_.get();
    fresh->value = input_->quantize(
        pad_rows(x.value, engine_->recipe->row_multiple()),
        columnwise,
        records(context));
    ++input_casts_;
    shared = fresh.get();
    x.quantized = std::move(fresh);
  }
  return shared->value;
}

at::Tensor Linear::forward(
    const Activation& x,
    const WeightSource& w,
    const StepContext& context,
    Saved* saved) {
  check(x.value, "the input");
  const c10::DeviceGuard on(x.value.device());
  if (x.value.size(0) == 0) {
    // The library knows no empty tensors.
    return at::empty(
        {0, w.materialize(at::kBFloat16).size(0)}, x.value.options());
  }
  const bool columnwise = engine_->columnwise();
  const bool trains_weight = saved != nullptr && !w.frozen();
  const Quantized& input =
      quantize_input(x, context, columnwise && trains_weight);
  const Quantized& weight =
      weight_.get(w, context, columnwise && context.training);
  const at::Tensor y = at::empty(
      {input.rowwise.size(0), weight.rowwise.size(0)}, x.value.options());
  engine_->products.forward(
      weight, input, y, engine_->recipe->split_accumulator_forward());
  watch(context, "input", x.value, input);
  if (context.watch) {
    watch(context, "weight", w.materialize(at::kBFloat16), weight);
  }
  if (trains_weight) {
    saved->tensors = tensors_of(kept_for_backward(input));
  }
  return y.slice(0, 0, x.value.size(0));
}

at::Tensor Linear::backward(
    const at::Tensor& grad_y,
    Saved& saved,
    const WeightSource& w,
    const StepContext& context,
    const GradRequest& want) {
  check(grad_y, "the gradient");
  const c10::DeviceGuard on(grad_y.device());
  if (grad_y.size(0) == 0) {
    return want.input
        ? at::empty({0, w.materialize(at::kBFloat16).size(1)}, grad_y.options())
        : at::Tensor();
  }
  const bool columnwise = engine_->columnwise();
  const at::Tensor padded = pad_rows(grad_y, engine_->recipe->row_multiple());
  const Quantized grad = grad_output_->quantize(
      padded, columnwise && want.weight.defined(), records(context));
  ++grad_casts_;
  watch(context, "grad_output", grad_y, grad);
  if (want.weight.defined()) {
    const Quantized& weight = weight_.get(w, context, false);
    // The formats of inputs and weights are one.
    const abi::ScalingMode mode = weight.mode == abi::kBlockScaling2d
        ? abi::kBlockScaling1d
        : weight.mode;
    add_grad_weight(
        from_tensors(saved.tensors, mode, weight.format), grad, want.weight);
  }
  if (!want.input) {
    return {};
  }
  const Quantized& weight = weight_.get(w, context, columnwise);
  const at::Tensor grad_x =
      at::empty({padded.size(0), weight.rowwise.size(1)}, grad_y.options());
  engine_->products.grad_input(weight, grad, grad_x);
  return grad_x.slice(0, 0, grad_y.size(0));
}

/// Added up in fp32 by the product itself where the accumulator is one block
/// of memory, which it is for every parameter.
void Linear::add_grad_weight(
    const Quantized& x,
    const Quantized& grad_y,
    const at::Tensor& grad_w) {
  if (grad_w.is_contiguous() && grad_w.scalar_type() == at::kFloat) {
    engine_->products.grad_weight(x, grad_y, grad_w);
    return;
  }
  const at::Tensor sum = at::zeros_like(
      grad_w,
      grad_w.options()
          .dtype(at::kFloat)
          .memory_format(at::MemoryFormat::Contiguous));
  engine_->products.grad_weight(x, grad_y, sum);
  grad_w.add_(sum);
}

void Linear::watch(
    const StepContext& context,
    const char* tensor,
    const at::Tensor& x,
    const Quantized& quantized) {
  if (context.watch) {
    statistics_[tensor] = measure(tensor, x, quantized);
  }
}

std::vector<CastStatistics> Linear::statistics() const {
  std::vector<CastStatistics> rows;
  for (const auto& [name, row] : statistics_) {
    rows.push_back(row);
  }
  return rows;
}

State Linear::state() const {
  State all;
  const auto add = [&](const char* prefix, const Quantizer& quantizer) {
    for (auto& entry : with_prefix(prefix, engine_->recipe->state(quantizer))) {
      all.push_back(std::move(entry));
    }
  };
  if (keeps_input_state_) {
    add("input.", *input_);
  }
  add("weight.", weight_.quantizer());
  add("grad_output.", *grad_output_);
  return all;
}

void Linear::load(const State& state) {
  refuse_unknown(state, this->state());
  if (keeps_input_state_) {
    engine_->recipe->load(*input_, with_this_prefix("input.", state));
  }
  engine_->recipe->load(
      weight_.quantizer(), with_this_prefix("weight.", state));
  engine_->recipe->load(*grad_output_, with_this_prefix("grad_output.", state));
  weight_.forget();
}

} // namespace octet::te
