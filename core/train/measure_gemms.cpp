// Both backends work on the same tensors, turn by turn, and who begins changes
// with every repetition, so that a drifting clock or a warm cache favours
// neither.
#include "core/train/measure_gemms.h"

#include "core/model/base_weights.h"
#include "core/train/device.h"

#include <ATen/core/grad_mode.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <chrono>

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kFewestRepetitions = 3;

double milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half]
                                : (values[half - 1] + values[half]) / 2;
}

/// Tensors of one shape, shared by both backends.
class Workload {
 public:
  Workload(const GemmShape& shape, const MeasureSettings& settings)
      : settings_(settings),
        generator_(
            at::make_generator<at::CPUGeneratorImpl>(settings.seed + 1)) {
    // Sizes as a trained model has them; values decide no GEMM's speed, but
    // zeros would.
    const at::ScalarType dtype = settings.compute_dtype;
    x_ = normal({shape.m, shape.k}, 1).to(dtype);
    grad_y_ = normal({shape.m, shape.n}, 1e-3).to(dtype);
    const at::Tensor weight = normal({shape.n, shape.k}, 0.02);
    weight_ = std::make_unique<BaseTensor>(
        "weight",
        shape.trained ? weight : weight.to(dtype),
        shape.trained,
        /*decay=*/true);
  }

  using Members = std::vector<std::unique_ptr<Gemm>>;

  /// One step of one backend. @returns milliseconds a microbatch and member
  double
  step(PrecisionBackend& backend, const Members& members, int64_t number) {
    // The cast of the master to the compute dtype is done once for whoever
    // computes, so nobody pays for it.
    weight_->materialize(settings_.compute_dtype);
    GradRequest want;
    want.weight = weight_->gradient();
    StepContext context;
    context.step = number;
    context.training = true;
    context.seed = settings_.seed;
    Clock::duration time{};
    for (int64_t i = 0; i < settings_.microbatches; ++i) {
      context.microbatch = i;
      context.first_microbatch = i == 0;
      synchronize(settings_.device);
      const auto begin = Clock::now();
      const Activation input{x_};
      std::vector<Saved> saved(members.size());
      for (size_t m = 0; m < members.size(); ++m) {
        members[m]->forward(input, *weight_, context, &saved[m]);
      }
      for (size_t m = members.size(); m-- > 0;) {
        members[m]->backward(grad_y_, saved[m], *weight_, context, want);
      }
      synchronize(settings_.device);
      time += Clock::now() - begin;
      backend.end_microbatch(context);
    }
    backend.end_step(context);
    return milliseconds(time) / static_cast<double>(settings_.microbatches) /
        static_cast<double>(members.size());
  }

  /// As an update does: results cached by version are used no more.
  void update_weight() {
    if (!weight_->frozen()) {
      ++weight_->parameter().version;
    }
  }

 private:
  at::Tensor normal(at::IntArrayRef shape, double scale) {
    return (at::randn(shape, generator_, at::TensorOptions(at::kFloat)) * scale)
        .to(settings_.device);
  }

  const MeasureSettings& settings_;
  at::Generator generator_;
  at::Tensor x_, grad_y_;
  std::unique_ptr<BaseTensor> weight_;
};

Workload::Members make_members(
    PrecisionBackend& backend,
    const MeasuredSite& measured) {
  Workload::Members members;
  for (int64_t i = 0; i < measured.sharing; ++i) {
    members.push_back(backend.make_gemm(measured.site));
  }
  return members;
}

GemmTiming measure_one(
    PrecisionBackend& candidate,
    PrecisionBackend& reference,
    const MeasuredSite& measured,
    const MeasureSettings& settings) {
  Workload work(measured.shape, settings);
  const auto first = make_members(candidate, measured);
  const auto second = make_members(reference, measured);
  std::vector<double> first_times, second_times;
  int64_t step = 0;
  const auto turn = [&](bool candidate_begins, bool timed) {
    ++step;
    for (const bool candidates_turn : {candidate_begins, !candidate_begins}) {
      const double time = candidates_turn ? work.step(candidate, first, step)
                                          : work.step(reference, second, step);
      if (timed) {
        (candidates_turn ? first_times : second_times).push_back(time);
      }
    }
    work.update_weight();
  };
  for (int64_t i = 0; i < settings.warm_up; ++i) {
    turn(true, /*timed=*/false);
  }
  const auto begin = Clock::now();
  for (int64_t i = 0; i < settings.repetitions; ++i) {
    const double seconds = milliseconds(Clock::now() - begin) / 1000;
    if (i >= kFewestRepetitions && seconds > settings.seconds_per_shape) {
      break;
    }
    turn(i % 2 == 0, /*timed=*/true);
  }
  return {measured.shape, median(first_times), median(second_times)};
}

} // namespace

std::vector<GemmTiming> measure_gemms(
    PrecisionBackend& candidate,
    PrecisionBackend& reference,
    const std::vector<MeasuredSite>& sites,
    const MeasureSettings& settings) {
  const at::NoGradGuard no_grad;
  std::vector<GemmTiming> timings;
  timings.reserve(sites.size());
  for (const MeasuredSite& measured : sites) {
    timings.push_back(measure_one(candidate, reference, measured, settings));
  }
  return timings;
}

} // namespace octet
