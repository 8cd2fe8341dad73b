// One optimizer step: forward and backward of its microbatches, the checks
// before the update, the update.
//
// The loss is the sum over all trained tokens of the step divided by their
// number, however the step is cut into microbatches.
#pragma once

#include "core/data/batch.h"
#include "core/model/decoder.h"
#include "core/train/objective.h"
#include "core/train/optimizer.h"
#include "core/train/run_plugins.h"

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
  double learning_rate = 0;
  /// Whether the casts of the first microbatch are measured, for
  /// Decoder::cast_statistics().
  bool watch = false;
};

/// The one way to an update, whatever the stage. The first step is not applied
/// unless every site was computed as often as planned, and by the plugin that
/// the plan names: no objective can leave the plan's precision aside.
class Stepper {
 public:
  /// The references must outlive this object.
  Stepper(
      Decoder& decoder,
      AppliedPlan applied,
      Optimizer& optimizer,
      const Objective& objective,
      uint64_t seed);

  /// Tells the backends the end of each microbatch, and the end of the step
  /// after its update; a step that is not applied has no end.
  /// @throws Failure(resolution) when the first step did not run as planned
  StepResult step(const StepBatch& batch, const StepSettings& settings);

 private:
  void check_first_step(const StepBatch& batch);

  Decoder& decoder_;
  AppliedPlan applied_;
  Optimizer& optimizer_;
  const Objective& objective_;
  uint64_t seed_;
  bool checked_ = false;
};

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
