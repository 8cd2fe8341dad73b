// What the run asks of LoRA.
#pragma once

#include <ATen/core/ScalarType.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace octet::lora {

struct Settings {
  int64_t rank = 16;
  double alpha = 32;
  double dropout = 0;
  /// Roles ("q_proj"), or the one word "all-linear".
  std::vector<std::string> targets = {"all-linear"};
  bool rslora = false;
  /// dtype of the thin products: fp32, or bf16 where the CPU multiplies bf16
  /// and the run computes in it.
  at::ScalarType product_dtype = at::kFloat;

  /// What the update is multiplied by.
  double scale(int64_t used_rank) const {
    const auto r = static_cast<double>(used_rank);
    return alpha / (rslora ? std::sqrt(r) : r);
  }
};

} // namespace octet::lora
