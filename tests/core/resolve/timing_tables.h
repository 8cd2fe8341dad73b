// Tables of made-up times of "eight" against "plain".
#pragma once

#include "core/resolve/gemm_timings.h"

#include <vector>

namespace octet::timing {

inline GemmTimings table(const std::vector<GemmTiming>& shapes) {
  GemmTimings timings;
  timings.candidate = "eight";
  timings.reference = "plain";
  timings.device = "a machine";
  timings.shapes = shapes;
  return timings;
}

inline GemmTiming row(double candidate_ms, double reference_ms, int64_t n = 8) {
  return {{64, n, 8, true}, candidate_ms, reference_ms};
}

} // namespace octet::timing
