// Times the GEMMs of a model with two backends, as training runs them: forward
// and backward with all quantization, gradients added to fp32, weights that
// change with every step, backends told the ends of microbatches and steps (off
// the clock: one such call is for all layers of a model).
// Nothing is decided here; see core/resolve/decide_by_timings.h.
#pragma once

#include "core/resolve/gemm_timings.h"

#include <octet/precision.h>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <vector>

namespace octet {

/// A shape and one of the sites that have it.
struct MeasuredSite {
  GemmShape shape;
  Site site;
  /// Sites that read its input, it included: they may share the cast of it. All
  /// are run, and each is charged its part.
  int64_t sharing = 1;
};

struct MeasureSettings {
  at::ScalarType compute_dtype = at::kBFloat16;
  at::Device device = at::kCPU;
  /// Microbatches of a step; a backend may quantize a weight once for all.
  int64_t microbatches = 1;
  /// Steps of each backend before the clock counts.
  int64_t warm_up = 2;
  /// Steps of each backend that are timed, in turns; the median counts.
  int64_t repetitions = 9;
  /// After this many seconds a shape needs only three of them.
  double seconds_per_shape = 3;
  uint64_t seed = 0;
};

/// @param candidate, reference instances of their own: their state is that of
/// the measurement afterwards
/// @returns the shapes in the order given
std::vector<GemmTiming> measure_gemms(
    PrecisionBackend& candidate,
    PrecisionBackend& reference,
    const std::vector<MeasuredSite>& sites,
    const MeasureSettings& settings);

} // namespace octet
