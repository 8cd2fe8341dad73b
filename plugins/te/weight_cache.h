// One FP8 form of a weight, kept while it is the same weight: the microbatches
// of a step, their backward passes and recomputed forwards share it.
#pragma once

#include "quantized.h"

#include <octet/step_context.h>
#include <octet/tensors.h>

#include <memory>

namespace octet::te {

/// Whether casts of this call add to amax histories: not in evaluation or
/// generation, and not a second time when a forward is recomputed.
constexpr bool records(const StepContext& context) {
  return context.training && !context.recompute &&
      context.view == ModelView::policy;
}

class WeightCache {
 public:
  explicit WeightCache(std::unique_ptr<Quantizer> quantizer)
      : quantizer_(std::move(quantizer)) {}

  /// The weight of `w` in FP8; cast anew when its version changed, when the
  /// columnwise copy is wanted and missing, and with delayed scaling in the
  /// first microbatch of each step.
  const Quantized&
  get(const WeightSource& w, const StepContext& context, bool columnwise);

  const Quantizer& quantizer() const {
    return *quantizer_;
  }
  /// Casts so far.
  int64_t casts() const {
    return casts_;
  }
  void forget() {
    valid_ = false;
  }

 private:
  std::unique_ptr<Quantizer> quantizer_;
  Quantized cached_;
  bool valid_ = false;
  int64_t version_ = 0;
  /// Step that the cast was recorded in.
  int64_t recorded_step_ = -1;
  int64_t casts_ = 0;
};

} // namespace octet::te
