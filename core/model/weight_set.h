// The weights of a model under Hugging Face names, wherever they are stored:
// safetensors (single, sharded; FP8 dequantized) or GGUF (dequantized, rows of
// q and k put back into Hugging Face's order).
#pragma once

#include "core/spec/model_spec.h"

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace octet {

class WeightSet {
 public:
  virtual ~WeightSet() = default;
  virtual std::vector<std::string> names() const = 0;
  /// @returns the tensor converted to `dtype`, contiguous, in memory of its
  /// own; quantized values are dequantized in fp32 first
  /// @throws Failure(input) when the name is missing
  virtual at::Tensor load(const std::string& name, at::ScalarType dtype)
      const = 0;
  /// What loading changes about the stored weights, for the user; empty when
  /// nothing but their dtype.
  virtual std::string summary() const {
    return "";
  }
};

/// @throws Failure(input) with every difference between the files and `spec`:
/// missing, unexpected, misshapen tensors
std::unique_ptr<WeightSet> open_weights(
    const std::filesystem::path& path,
    const ModelSpec& spec);

} // namespace octet
