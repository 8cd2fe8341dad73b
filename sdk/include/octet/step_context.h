// What is going on while a site or an op computes.
#pragma once

#include <cstdint>

namespace octet {

/// Which view of the model computes: stateful backends update their state only
/// for `policy` in training.
enum class ModelView { policy, reference, evaluation, generation };

/// Handed to every forward and backward.
struct StepContext {
  /// Optimizer step, counted from 1; 0 outside training.
  int64_t step = 0;
  /// Microbatch within the step, counted from 0.
  int64_t microbatch = 0;
  /// microbatch == 0.
  bool first_microbatch = true;
  /// The second forward of activation checkpointing: use the first forward's
  /// scales and random numbers, add nothing to a history.
  bool recompute = false;
  /// Whether a backward follows.
  bool training = false;
  /// Whether casts are to be measured in this call, for Gemm::statistics().
  bool watch = false;
  /// Whose forward this is.
  ModelView view = ModelView::policy;
  /// The run's seed. Random numbers are functions of (seed, step, microbatch,
  /// site), never of a generator's position, so a recomputed or resumed
  /// forward draws the same ones.
  uint64_t seed = 0;
};

} // namespace octet
