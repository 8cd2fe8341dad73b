// The learning rate as a function of the step: warmup, then cosine, linear,
// constant or warmup-stable-decay.
//
// Source of the formulas: transformers 5.23 optimization.py; golden:
// tests/fixtures/train/schedules.json (tools/golden/train_goldens.py).
#pragma once

#include "core/config/run_config.h"

#include <cstdint>

namespace octet {

class Schedule {
 public:
  /// @param total_steps optimizer steps of the whole run
  Schedule(const TrainSection& train, int64_t total_steps);

  /// @param step from 1. As in transformers the first step of a warmup has
  /// factor 0, and a decay reaches its end one step after the last.
  /// @returns the factor of learning_rate, in [0, 1]
  double factor(int64_t step) const;
  double learning_rate(int64_t step) const {
    return learning_rate_ * factor(step);
  }

  int64_t warmup_steps() const {
    return warmup_;
  }

 private:
  enum class Shape { cosine, linear, constant, stable_decay };

  Shape shape_ = Shape::constant;
  double learning_rate_ = 0, minimum_ = 0;
  int64_t total_ = 0, warmup_ = 0, decay_ = 0;
};

} // namespace octet
