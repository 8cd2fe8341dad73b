// Scales of FP8 weights: which tensor scales which, and over which elements.
// Every known layout multiplies: weight[r, c] = stored[r, c] *
// scale[r / block_rows, c / block_columns].
#pragma once

#include "core/io/tensor_file.h"
#include "core/spec/model_spec.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace octet {

class Problems;

/// The scales of one tensor: a grid in row-major order.
struct Fp8Scales {
  std::vector<float> values;
  /// Elements that share a scale.
  int64_t block_rows = 1, block_columns = 1;
  int64_t grid_columns = 1;

  /// Multiplies part of a tensor.
  /// @param first_row of the part in the tensor
  /// @param rows [n, columns] in row-major order
  void apply(int64_t first_row, int64_t columns, std::span<float> rows) const;
};

bool is_fp8(StoredType type);

/// Whether a tensor's name is that of a scale of another one.
bool is_scale_name(const std::string& name);

struct Fp8Tensors {
  /// By weight.
  std::map<std::string, Fp8Scales> scales;
  /// "14 tensors dequantized from fp8_e4m3 (one scale for each block of
  /// 128 x 128)"; empty without FP8 tensors.
  std::string summary;
};

/// Takes the scales out of `tensors` and reads them.
/// @param storage what config.json says about blocks
/// @param problems gets every missing, unexpected, misshapen or unusable scale
Fp8Tensors take_fp8_scales(
    const TensorFile& file,
    const std::optional<Fp8Storage>& storage,
    std::map<std::string, TensorInfo>& tensors,
    Problems& problems);

} // namespace octet
