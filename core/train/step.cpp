// The arithmetic of a step across its microbatches.
#include "core/train/step.h"

#include "core/train/call_check.h"
#include "core/train/gemm_check.h"

#include <cmath>

namespace octet {
namespace {

/// Names of the parameters whose gradient is not finite, the first few.
std::string broken_gradients(const std::vector<Parameter*>& parameters) {
  std::string names;
  int64_t count = 0;
  for (Parameter* parameter : parameters) {
    if (!std::isfinite(global_grad_norm({parameter})) && ++count <= 3) {
      names += (count > 1 ? ", " : "") + parameter->name;
    }
  }
  if (count > 3) {
    names += " and " + std::to_string(count - 3) + " more";
  }
  return names;
}

} // namespace

Stepper::Stepper(
    Decoder& decoder,
    AppliedPlan applied,
    Optimizer& optimizer,
    const Objective& objective,
    uint64_t seed)
    : decoder_(decoder),
      applied_(std::move(applied)),
      optimizer_(optimizer),
      objective_(objective),
      seed_(seed) {}

/// Before the update, so that nothing is trained that was not asked for.
void Stepper::check_first_step(const StepBatch& batch) {
  if (!checked_) {
    check_gemms(applied_.plan(), decoder_);
    check_calls(applied_.plan(), batch, decoder_.call_counts());
    checked_ = true;
  }
}

StepResult Stepper::step(const StepBatch& batch, const StepSettings& settings) {
  StepResult result;
  result.learning_rate = settings.learning_rate;
  result.tokens = batch.token_count;
  result.targets = batch.target_count;
  if (batch.target_count == 0) {
    result.skipped = true;
    return result;
  }
  if (!checked_) {
    decoder_.reset_call_counts();
  }
  StepContext context;
  context.step = settings.step;
  context.seed = seed_;
  context.training = true;
  const double scale = 1.0 / static_cast<double>(batch.target_count);
  double sum = 0;
  for (size_t i = 0; i < batch.microbatches.size(); ++i) {
    context.microbatch = static_cast<int64_t>(i);
    context.first_microbatch = i == 0;
    // The first, because backends that quantize a weight once a step do it
    // there.
    context.watch = settings.watch && i == 0;
    sum +=
        objective_.train(decoder_, batch.microbatches[i], context, scale).loss;
    for (const auto& backend : applied_.backends()) {
      backend->end_microbatch(context);
    }
    if (!std::isfinite(sum)) {
      result.loss = sum * scale;
      result.problem = "the loss is " + std::to_string(result.loss);
      result.problem_microbatch = context.microbatch;
      return result;
    }
  }
  result.loss = sum * scale;
  check_first_step(batch);
  result.grad_norm = global_grad_norm(optimizer_.parameters());
  if (!std::isfinite(result.grad_norm)) {
    result.problem = "the loss is " + std::to_string(result.loss) +
        ", but the gradient norm is " + std::to_string(result.grad_norm) +
        " (in " + broken_gradients(optimizer_.parameters()) + ")";
    return result;
  }
  optimizer_.update(
      decoder_.ops().adamw(), settings.learning_rate, result.grad_norm);
  for (const auto& backend : applied_.backends()) {
    backend->end_step(context);
  }
  decoder_.run_step_hooks(
      {settings.step, result.loss, result.grad_norm, settings.learning_rate});
  return result;
}

EvalResult evaluate(
    Decoder& decoder,
    const std::vector<Microbatch>& batches,
    uint64_t seed) {
  StepContext context;
  context.seed = seed;
  context.view = ModelView::evaluation;
  double sum = 0;
  EvalResult result;
  for (size_t i = 0; i < batches.size(); ++i) {
    context.microbatch = static_cast<int64_t>(i);
    context.first_microbatch = i == 0;
    const LossSum part = decoder.evaluate(batches[i], context);
    sum += part.loss;
    result.targets += part.targets;
  }
  if (result.targets > 0) {
    result.loss = sum / static_cast<double>(result.targets);
    result.perplexity = std::exp(result.loss);
  }
  return result;
}

} // namespace octet
