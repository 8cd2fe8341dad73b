// Norm, clipping and states of the optimizer.
#include "core/train/optimizer.h"

#include "core/base/problems.h"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros_like.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <cmath>
#include <map>

namespace octet {
namespace {

// A block's sum is always the same, whichever thread computes it.
constexpr int64_t kBlock = 1 << 15;

/// One that stays on its device, fp64.
at::Tensor device_sum_of_squares(const at::Tensor& tensor) {
  return at::linalg_vector_norm(tensor).to(at::kDouble).square();
}

double sum_of_squares(const at::Tensor& tensor) {
  const at::Tensor values = tensor.contiguous();
  const float* data = values.const_data_ptr<float>();
  const int64_t count = values.numel();
  const int64_t blocks = (count + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<size_t>(blocks));
  at::parallel_for(0, blocks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      // Eight independent chains let the compiler use vectors.
      double lanes[8] = {};
      const int64_t last = std::min(count, (block + 1) * kBlock);
      for (int64_t i = block * kBlock; i < last; ++i) {
        const double value = data[i];
        lanes[i & 7] += value * value;
      }
      double sum = 0;
      for (const double lane : lanes) {
        sum += lane;
      }
      sums[static_cast<size_t>(block)] = sum;
    }
  });
  double total = 0;
  for (const double sum : sums) {
    total += sum;
  }
  return total;
}

std::string shape_of(const at::Tensor& tensor) {
  std::string text = "[";
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(tensor.size(i));
  }
  return text + "]";
}

} // namespace

double global_grad_norm(const std::vector<Parameter*>& parameters) {
  double total = 0;
  at::Tensor device_total;
  for (const Parameter* parameter : parameters) {
    const at::Tensor& grad = parameter->grad;
    if (!grad.defined()) {
      continue;
    }
    if (grad.is_cpu()) {
      total += sum_of_squares(grad);
      continue;
    }
    const at::Tensor part = device_sum_of_squares(grad);
    device_total = device_total.defined() ? device_total.add_(part) : part;
  }
  if (device_total.defined()) {
    // The one wait for the device.
    total += device_total.item<double>();
  }
  return std::sqrt(total);
}

Optimizer::Optimizer(
    std::vector<Parameter*> parameters,
    const TrainSection& settings)
    : parameters_(std::move(parameters)),
      max_grad_norm_(settings.max_grad_norm) {
  settings_.beta1 = settings.beta1;
  settings_.beta2 = settings.beta2;
  settings_.epsilon = settings.epsilon;
  settings_.weight_decay = settings.weight_decay;
  for (Parameter* parameter : parameters_) {
    if (!parameter->grad.defined()) {
      parameter->grad = at::zeros_like(parameter->master);
    }
    moments_.push_back(
        {at::zeros_like(parameter->master), at::zeros_like(parameter->master)});
  }
}

void Optimizer::update(AdamwOp& op, double learning_rate, double grad_norm) {
  ++updates_;
  AdamwOp::Settings settings = settings_;
  settings.learning_rate = learning_rate;
  settings.step = updates_;
  settings.grad_scale = 1;
  if (max_grad_norm_ > 0) {
    // torch.nn.utils.clip_grad_norm_ has the same 1e-6.
    settings.grad_scale = std::min(1.0, max_grad_norm_ / (grad_norm + 1e-6));
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& parameter = *parameters_[i];
    settings.weight_decay = parameter.decay ? settings_.weight_decay : 0;
    op.update(
        parameter.master,
        parameter.grad,
        moments_[i].exp_avg,
        moments_[i].exp_avg_sq,
        settings);
    ++parameter.version;
  }
  zero_grads();
}

void Optimizer::zero_grads() {
  for (Parameter* parameter : parameters_) {
    parameter->grad.zero_();
  }
}

State Optimizer::state() const {
  State state;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i]->name;
    state.emplace_back(name + ".exp_avg", moments_[i].exp_avg);
    state.emplace_back(name + ".exp_avg_sq", moments_[i].exp_avg_sq);
  }
  return state;
}

void Optimizer::load(const State& state, int64_t updates) {
  std::map<std::string, at::Tensor> given(state.begin(), state.end());
  Problems problems;
  for (auto& [name, mine] : this->state()) {
    const auto found = given.find(name);
    if (found == given.end()) {
      problems.add("optimizer state " + name + " is missing");
      continue;
    }
    if (found->second.sizes() != mine.sizes()) {
      problems.add(
          "optimizer state " + name + " has shape " + shape_of(found->second) +
          ", expected " + shape_of(mine));
    } else {
      mine.copy_(found->second);
    }
    given.erase(found);
  }
  for (const auto& [name, tensor] : given) {
    problems.add("optimizer state " + name + " belongs to no parameter");
  }
  problems.raise(
      ExitCode::input,
      "checkpoint",
      "the optimizer state does not fit this run's parameters");
  updates_ = updates;
}

} // namespace octet
