// The arithmetic of a step across its microbatches.
#include "core/train/step.h"

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

StepResult train_step(
    Decoder& decoder,
    PrecisionBackend& backend,
    Optimizer& optimizer,
    const StepBatch& batch,
    const StepSettings& settings) {
  StepResult result;
  result.learning_rate = settings.learning_rate;
  result.tokens = batch.token_count;
  result.targets = batch.target_count;
  if (batch.target_count == 0) {
    result.skipped = true;
    return result;
  }
  StepContext context;
  context.step = settings.step;
  context.seed = settings.seed;
  context.training = true;
  const double scale = 1.0 / static_cast<double>(batch.target_count);
  double sum = 0;
  for (size_t i = 0; i < batch.microbatches.size(); ++i) {
    context.microbatch = static_cast<int64_t>(i);
    context.first_microbatch = i == 0;
    sum += decoder.train_microbatch(batch.microbatches[i], context, scale).loss;
    backend.end_microbatch(context);
    if (!std::isfinite(sum)) {
      result.loss = sum * scale;
      result.problem = "the loss is " + std::to_string(result.loss);
      result.problem_microbatch = context.microbatch;
      return result;
    }
  }
  result.loss = sum * scale;
  result.grad_norm = global_grad_norm(optimizer.parameters());
  if (!std::isfinite(result.grad_norm)) {
    result.problem = "the loss is " + std::to_string(result.loss) +
        ", but the gradient norm is " + std::to_string(result.grad_norm) +
        " (in " + broken_gradients(optimizer.parameters()) + ")";
    return result;
  }
  optimizer.update(
      decoder.ops().adamw(), settings.learning_rate, result.grad_norm);
  backend.end_step(context);
  decoder.run_step_hooks(
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
