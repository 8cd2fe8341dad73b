// How much memory a run will take, from the plan alone; shown before it
// starts. An estimate: docs/training.md compares it with measured peaks.
#pragma once

#include "core/config/run_config.h"
#include "core/resolve/plan.h"
#include "core/spec/model_spec.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>

namespace octet {

/// Bytes.
struct MemoryEstimate {
  int64_t weights = 0; ///< masters and the compute dtype's copy
  int64_t gradients = 0;
  int64_t optimizer = 0;
  int64_t activations = 0; ///< of one microbatch, logits of a chunk included
  int64_t program = 0; ///< code and libraries

  int64_t total() const {
    return weights + gradients + optimizer + activations + program;
  }
};

MemoryEstimate estimate_memory(
    const RunConfig& config,
    const ModelSpec& spec,
    const Plan& plan);

/// "about 0.9 GB: weights 269 MB, ..."
std::string describe(const MemoryEstimate& estimate);

/// Bytes of each part and "total", for resolution.json.
nlohmann::json to_json(const MemoryEstimate& estimate);

} // namespace octet
