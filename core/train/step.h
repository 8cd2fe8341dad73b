// One optimizer step: forward and backward of its microbatches, the checks
// before the update, the update.
//
// The loss is the sum over all trained tokens of the step divided by their
// number, however the step is cut into microbatches.
#pragma once

#include "core/data/batch.h"
#include "core/model/decoder.h"
#include "core/train/optimizer.h"

#include <cstdint>
#include <string>

namespace octet {

struct StepResult {
  double loss = 0, grad_norm = 0, learning_rate = 0;
  int64_t tokens = 0, targets = 0;
  /// Why the step was not applied: a loss or norm that is not finite. Empty
  /// when it was.
  std::string problem;
  /// Microbatch with the problem, or -1 when only the norm shows it.
  int64_t problem_microbatch = -1;
  /// A step without a single trained token changes nothing.
  bool skipped = false;
};

struct StepSettings {
  int64_t step = 0; ///< from 1
  uint64_t seed = 0;
  double learning_rate = 0;
};

StepResult train_step(
    Decoder& decoder,
    PrecisionBackend& backend,
    Optimizer& optimizer,
    const StepBatch& batch,
    const StepSettings& settings);

struct EvalResult {
  double loss = 0, perplexity = 0;
  int64_t targets = 0;
};

/// Loss over all microbatches, per trained token; perplexity is exp(loss).
EvalResult evaluate(
    Decoder& decoder,
    const std::vector<Microbatch>& batches,
    uint64_t seed);

} // namespace octet
