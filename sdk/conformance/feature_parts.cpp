// Adapters may be any smooth function, so differences are taken with a small
// step along the gradient, where the slope is its norm, and along a random
// direction, where a missing gradient shows. Transforms that round are smooth
// over steps of the weight's own size only.
// Shapes: M tokens, K inputs, N outputs.
#include "sdk/conformance/feature_parts.h"

#include "sdk/conformance/check.h"
#include "sdk/conformance/gemm_bench.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace octet::conformance {
namespace {

constexpr int64_t kTokens = 5;
constexpr double kSmoothTolerance = 1e-2;
/// For rounding with straight-through gradients: what int4 does to a random
/// weight along a random direction stays below it.
constexpr double kRoundingTolerance = 0.25;

/// Moves a tensor along a direction and evaluates, both ways.
double slope(
    at::Tensor& value,
    const at::Tensor& direction,
    double step,
    const std::function<double()>& evaluate,
    const std::function<void()>& changed) {
  const at::Tensor before = value.clone();
  value.add_(direction, step);
  changed();
  const double plus = evaluate();
  value.copy_(before).sub_(direction, step);
  changed();
  const double minus = evaluate();
  value.copy_(before);
  changed();
  return (plus - minus) / (2 * step);
}

struct Variable {
  std::string name;
  at::Tensor& value;
  at::Tensor gradient;
  std::function<void()> changed;
};

void expect_gradient(
    const Variable& variable,
    const std::function<double()>& evaluate) {
  const double norm = variable.gradient.norm().item<double>();
  const double size = variable.value.norm().item<double>() + 1;
  const at::Tensor random_direction = random(variable.value.sizes(), 31);
  std::vector<at::Tensor> directions = {random_direction};
  if (norm > 0) {
    directions.push_back(variable.gradient);
  }
  for (const at::Tensor& direction : directions) {
    const double length = direction.norm().item<double>();
    const double difference = slope(
        variable.value,
        direction,
        1e-2 * size / length,
        evaluate,
        variable.changed);
    const double expected = inner_product(variable.gradient, direction);
    const double error = std::abs(difference - expected) /
        std::max(norm * length, std::abs(difference));
    expect(
        error <= kSmoothTolerance || std::abs(difference - expected) == 0,
        fmt::format(
            "gradient of {}: backward gives a slope of {:.6g}, differences of "
            "forward {:.6g}",
            variable.name,
            expected,
            difference));
  }
}

void check_adapter(
    RecordingEditor& editor,
    const Site& site,
    Adapter& adapter) {
  const StepContext training = training_context();
  at::Tensor x = random({kTokens, site.in_features}, 21);
  const at::Tensor g = random({kTokens, site.out_features}, 22);
  const auto output = [&](const StepContext& context) {
    at::Tensor y = zeros({kTokens, site.out_features});
    adapter.forward(x, y, context, nullptr);
    return y;
  };
  const std::string where = " at " + site.name;

  const at::Tensor delta = adapter.delta();
  expect(
      delta.defined() && delta.scalar_type() == at::kFloat &&
          delta.sizes() ==
              at::IntArrayRef({site.out_features, site.in_features}),
      "delta()" + where + " is not fp32 [N, K]");
  const at::Tensor y = output(evaluation_context());
  expect(
      relative_error(y, at::matmul(x, delta.t())) <= 1e-4,
      "delta()" + where + " is not what forward adds");
  at::Tensor sum = g.clone();
  adapter.forward(x, sum, evaluation_context(), nullptr);
  expect(
      relative_error(sum - g, y) <= 1e-4,
      "forward" + where + " does not add to y");

  for (const auto& parameter : editor.parameters) {
    parameter->grad = at::zeros_like(parameter->master);
  }
  const at::Tensor start = random({kTokens, site.in_features}, 23);
  const auto backward = [&] {
    Saved saved;
    at::Tensor ignored = zeros({kTokens, site.out_features});
    adapter.forward(x, ignored, training, &saved);
    at::Tensor grad_x = start.clone();
    adapter.backward(g, grad_x, training, saved);
    return grad_x - start;
  };
  const at::Tensor grad_x = backward();
  std::vector<at::Tensor> once;
  for (const auto& parameter : editor.parameters) {
    once.push_back(parameter->grad.clone());
  }
  const auto loss = [&] { return inner_product(output(training), g); };
  expect_gradient({"x" + where, x, grad_x, [] {}}, loss);
  for (size_t i = 0; i < once.size(); ++i) {
    Parameter& parameter = *editor.parameters[i];
    expect_gradient(
        {parameter.name + where,
         parameter.master,
         once[i],
         [&] { ++parameter.version; }},
        loss);
  }
  backward();
  for (size_t i = 0; i < once.size(); ++i) {
    expect(
        relative_error(editor.parameters[i]->grad, once[i] * 2) <= 1e-4,
        "a second backward" + where + " does not add to the gradient of " +
            editor.parameters[i]->name);
  }
  Saved saved;
  at::Tensor ignored = zeros({kTokens, site.out_features}), unwanted;
  adapter.forward(x, ignored, training, &saved);
  adapter.backward(g, unwanted, training, saved);
  expect(
      !unwanted.defined(),
      "it made a gradient of x" + where + " that nobody asked for");
}

/// <f(v + h d) - f(v - h d), d> / 2h against <gradient for g = d, d>.
void expect_transform_gradient(
    const at::Tensor& value,
    const at::Tensor& gradient,
    const at::Tensor& direction,
    const std::function<at::Tensor(const at::Tensor&)>& forward,
    const std::string& what) {
  const double expected = inner_product(gradient, direction);
  const double spread = value.std().item<double>();
  std::string found;
  for (const auto& [step, tolerance] :
       {std::pair(1e-3 * spread, kSmoothTolerance),
        std::pair(0.5 * spread, kRoundingTolerance)}) {
    const double difference = inner_product(
                                  forward(value + direction * step) -
                                      forward(value - direction * step),
                                  direction) /
        (2 * step);
    if (std::abs(difference - expected) <=
        tolerance * std::max(std::abs(difference), std::abs(expected))) {
      return;
    }
    found += fmt::format(
        "{}{:.6g} with a step of {:.2g}",
        found.empty() ? "" : ", ",
        difference,
        step);
  }
  fail(fmt::format(
      "gradient of {}: backward gives a slope of {:.6g}, differences of "
      "forward {}",
      what,
      expected,
      found));
}

void expect_like(
    const at::Tensor& found,
    const at::Tensor& expected,
    const std::string& what) {
  expect(
      found.defined() && found.sizes() == expected.sizes() &&
          found.scalar_type() == expected.scalar_type(),
      what + " has another shape or dtype than what it transforms");
  expect(all_finite(found), what + " has NaN or infinite values");
}

} // namespace

std::string check_adapters(RecordingEditor& editor) {
  uint64_t seed = 600;
  for (const auto& parameter : editor.parameters) {
    parameter->master.add_(random(parameter->master.sizes(), ++seed, 0.1));
    ++parameter->version;
  }
  for (const auto& [site, adapter] : editor.adapters) {
    check_adapter(editor, site, *adapter);
  }
  return fmt::format("{} adapters", editor.adapters.size());
}

std::string check_transforms(RecordingEditor& editor) {
  const StepContext context = training_context();
  for (const auto& [site, transform] : editor.weight_transforms) {
    const at::Tensor w = editor.weight(site.name).materialize(at::kFloat);
    const at::Tensor before = w.clone();
    const std::string what = "the transformed weight of " + site.name;
    const at::Tensor changed = transform->forward(w, context);
    expect_like(changed, w, what);
    expect(
        at::equal(transform->forward(w, context), changed),
        what + " is another one the second time");
    expect(at::equal(w, before), "it changed the weight of " + site.name);
    const at::Tensor direction = random(w.sizes(), 41);
    at::Tensor gradient = direction.clone();
    transform->backward(w, gradient);
    expect_transform_gradient(
        w,
        gradient,
        direction,
        [&](const at::Tensor& value) {
          return transform->forward(value, context);
        },
        "the weight of " + site.name);
  }
  for (const auto& [site, transform] : editor.input_transforms) {
    const at::Tensor x = random({kTokens * 8, site.in_features}, 42);
    const std::string what = "the transformed input of " + site.name;
    Saved saved;
    expect_like(transform->forward(x, context, &saved), x, what);
    const at::Tensor direction = random(x.sizes(), 43);
    const at::Tensor gradient = transform->backward(direction.clone(), saved);
    expect_like(gradient, x, "the gradient of " + what);
    expect_transform_gradient(
        x,
        gradient,
        direction,
        [&](const at::Tensor& value) {
          return transform->forward(value, context, nullptr);
        },
        "the input of " + site.name);
  }
  return fmt::format(
      "{} of weights, {} of inputs",
      editor.weight_transforms.size(),
      editor.input_transforms.size());
}

} // namespace octet::conformance
