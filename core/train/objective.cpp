// The table of stages.
#include "core/train/objective.h"

#include <octet/error.h>

namespace octet {
namespace {

class NextToken : public Objective {
 public:
  LossSum train(
      Decoder& decoder,
      const Microbatch& batch,
      const StepContext& context,
      double grad_scale) const override {
    return decoder.train_microbatch(batch, context, grad_scale);
  }
};

} // namespace

const Objective& objective_of(const std::string& stage) {
  static const NextToken next_token;
  if (stage == "sft" || stage == "pt") {
    return next_token;
  }
  throw Error(
      "train",
      "expected a train.stage with an objective, got \"" + stage +
          "\"; give it one in core/train/objective.cpp");
}

} // namespace octet
