// Angles of the rotary embedding for the scalings that models use.
// Source of the formulas: transformers, modeling_rope_utils.py.
#pragma once

#include "core/spec/model_spec.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace octet {

/// cos and sin of some positions, fp32 [n, d/2], attention factor included.
struct RopeTable {
  at::Tensor cos, sin;
};

class RopeFrequencies {
 public:
  /// @param device of the tables; angles are computed on the CPU
  explicit RopeFrequencies(
      const ModelSpec& spec,
      const at::Device& device = at::kCPU);

  RopeTable table(const std::vector<int64_t>& positions) const;

  /// fp32 [d/2]
  const at::Tensor& inverse_frequencies() const {
    return inverse_frequencies_;
  }
  /// What cos and sin are multiplied by.
  double attention_factor() const {
    return attention_factor_;
  }

 private:
  at::Tensor inverse_frequencies_;
  double attention_factor_ = 1;
  at::Device device_;
};

} // namespace octet
