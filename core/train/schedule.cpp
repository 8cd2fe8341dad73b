// Formulas of the learning-rate schedules.
#include "core/train/schedule.h"

#include "core/base/problems.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace octet {
namespace {

double half_cosine(double progress) {
  return 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

double quotient(int64_t part, int64_t whole) {
  return static_cast<double>(part) /
      static_cast<double>(std::max<int64_t>(1, whole));
}

int64_t part_of_steps(double part, int64_t total) {
  return static_cast<int64_t>(std::ceil(static_cast<double>(total) * part));
}

} // namespace

Schedule::Schedule(const TrainSection& train, int64_t total_steps)
    : learning_rate_(train.learning_rate),
      minimum_(train.min_learning_rate_ratio),
      total_(total_steps) {
  if (train.schedule == "cosine") {
    shape_ = Shape::cosine;
  } else if (train.schedule == "linear") {
    shape_ = Shape::linear;
  } else if (train.schedule == "constant") {
    shape_ = Shape::constant;
  } else if (train.schedule == "warmup-stable-decay") {
    shape_ = Shape::stable_decay;
  } else {
    throw Failure(
        ExitCode::usage,
        "train",
        "expected train.schedule to be cosine, linear, constant or "
        "warmup-stable-decay, got \"" +
            train.schedule + "\"; choose one of them");
  }
  warmup_ = train.warmup >= 1 ? static_cast<int64_t>(train.warmup)
                              : part_of_steps(train.warmup, total_);
  decay_ = std::min(
      part_of_steps(train.decay, total_),
      std::max<int64_t>(0, total_ - warmup_));
}

double Schedule::factor(int64_t step) const {
  const int64_t done = step - 1;
  if (done < warmup_) {
    const double rising = quotient(done, warmup_);
    // Only warmup-stable-decay starts its warmup at the minimum.
    return shape_ == Shape::stable_decay ? rising * (1 - minimum_) + minimum_
                                         : rising;
  }
  double falling = 1;
  switch (shape_) {
    case Shape::constant:
      return 1;
    case Shape::cosine:
      falling = half_cosine(quotient(done - warmup_, total_ - warmup_));
      break;
    case Shape::linear:
      falling = std::max(0.0, quotient(total_ - done, total_ - warmup_));
      break;
    case Shape::stable_decay: {
      const int64_t decay_start = total_ - decay_;
      if (done >= total_) {
        falling = 0;
      } else if (done >= decay_start) {
        falling = half_cosine(quotient(done - decay_start, decay_));
      }
      break;
    }
  }
  return std::max(0.0, falling * (1 - minimum_) + minimum_);
}

} // namespace octet
