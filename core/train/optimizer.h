// AdamW over the trainable parameters: fp32 masters and fp32 states, global
// norm clipping, weight decay only where a parameter wants it.
//
// The arithmetic of one tensor is the op table's `adamw`; this file keeps the
// states and does what concerns all tensors. Source: Loshchilov and Hutter,
// "Decoupled Weight Decay Regularization"; golden: torch.optim.AdamW.
#pragma once

#include "core/config/run_config.h"

#include <octet/ops.h>
#include <octet/tensors.h>

#include <cstdint>
#include <vector>

namespace octet {

/// Square root of the sum of squares of all gradients, summed in fp64 in an
/// order that does not depend on the number of threads. Gradients on a GPU are
/// summed there, a tensor each in fp32.
double global_grad_norm(const std::vector<Parameter*>& parameters);

class Optimizer {
 public:
  /// Allocates gradients (where a parameter has none) and states, all zero.
  /// The parameters must outlive this object.
  Optimizer(std::vector<Parameter*> parameters, const TrainSection& settings);

  /// One update with the gradients as they are; afterwards they are zero.
  /// @param grad_norm from global_grad_norm; clips to max_grad_norm
  void update(AdamwOp& op, double learning_rate, double grad_norm);
  void zero_grads();

  /// Updates done so far, for the bias correction.
  int64_t updates() const {
    return updates_;
  }

  /// "<parameter>.exp_avg" and "<parameter>.exp_avg_sq" for every parameter.
  /// The tensors share memory with this object.
  State state() const;
  /// @throws Failure(input) that lists missing, unexpected and misshapen
  /// tensors
  void load(const State& state, int64_t updates);

  const std::vector<Parameter*>& parameters() const {
    return parameters_;
  }

 private:
  struct Moments {
    at::Tensor exp_avg, exp_avg_sq;
  };

  std::vector<Parameter*> parameters_;
  std::vector<Moments> moments_;
  AdamwOp::Settings settings_{};
  double max_grad_norm_ = 0;
  int64_t updates_ = 0;
};

} // namespace octet
