// What a training stage minimizes, microbatch by microbatch. Everything else
// about a step (the plan's postcondition, the checks of loss and gradient, the
// update) is the Stepper's and the same for every stage.
#pragma once

#include "core/data/batch.h"
#include "core/model/decoder.h"

#include <octet/step_context.h>

#include <string>

namespace octet {

class Objective {
 public:
  virtual ~Objective() = default;

  /// Forward and backward of one microbatch; adds to the gradients. The
  /// policy passes once through every layer, forward and back.
  /// @param grad_scale factor of the loss sum in the gradients
  virtual LossSum train(
      Decoder& decoder,
      const Microbatch& batch,
      const StepContext& context,
      double grad_scale) const = 0;
};

/// The objective of a value of train.stage. `sft` and `pt` both predict the
/// next token; they differ in which tokens count, which is the data's business.
/// @throws Error for a stage without one
const Objective& objective_of(const std::string& stage);

} // namespace octet
