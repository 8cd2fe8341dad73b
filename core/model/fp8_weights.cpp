// Scales by their names: x.weight is scaled by x.weight_scale (vLLM,
// compressed-tensors, fbgemm, ModelOpt) or x.weight_scale_inv (DeepSeek,
// transformers' fine-grained FP8).
#include "core/model/fp8_weights.h"

#include "core/base/problems.h"
#include "core/io/stored_type.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace octet {
namespace {

constexpr std::array kScaleEndings = {"_scale", "_scale_inv"};
/// Static scales of activations and of the key/value cache: inference engines
/// want them, training measures its own.
constexpr std::array kActivationEndings = {
    ".input_scale",
    ".input_scale_ub",
    ".activation_scale",
    ".output_scale",
    ".q_scale",
    ".k_scale",
    ".v_scale"};

template <typename Endings>
std::optional<std::string> without_ending(
    const std::string& name,
    const Endings& endings) {
  for (const std::string ending : endings) {
    if (name.ends_with(ending)) {
      return name.substr(0, name.size() - ending.size());
    }
  }
  return std::nullopt;
}

/// The weight that a tensor's name makes it a scale of.
std::optional<std::string> scaled_weight(const std::string& name) {
  const auto weight = without_ending(name, kScaleEndings);
  return weight && weight->ends_with(".weight") ? weight : std::nullopt;
}

int64_t parts(int64_t size, int64_t block) {
  return (size + block - 1) / block;
}

int64_t count_of(const std::vector<int64_t>& shape) {
  return static_cast<int64_t>(element_count(shape).value_or(0));
}

/// How a scale of this shape lies over a weight. @returns nothing when it
/// does not fit
std::optional<Fp8Scales> layout_of(
    const std::vector<int64_t>& weight,
    const std::vector<int64_t>& scale,
    const std::optional<Fp8Storage>& storage) {
  const int64_t rows = weight.size() == 2 ? weight[0] : 1;
  const int64_t columns = weight.empty() ? 1 : weight.back();
  Fp8Scales layout;
  if (storage && storage->block_rows > 0) {
    layout.block_rows = storage->block_rows;
    layout.block_columns = storage->block_columns;
    layout.grid_columns = parts(columns, layout.block_columns);
    const std::vector<int64_t> grid = {
        parts(rows, layout.block_rows), layout.grid_columns};
    return weight.size() == 2 && scale == grid ? std::optional(layout)
                                               : std::nullopt;
  }
  layout.block_columns = std::max<int64_t>(1, columns);
  if (count_of(scale) == 1) {
    layout.block_rows = std::max<int64_t>(1, rows);
    return layout;
  }
  const bool by_row = weight.size() == 2 &&
      (scale == std::vector<int64_t>{rows} ||
       scale == std::vector<int64_t>{rows, 1});
  return by_row ? std::optional(layout) : std::nullopt;
}

std::string layout_text(
    const std::vector<int64_t>& weight,
    const std::optional<Fp8Storage>& storage) {
  if (storage && storage->block_rows > 0) {
    const std::string block = std::to_string(storage->block_rows) + " x " +
        std::to_string(storage->block_columns);
    return weight.size() != 2
        ? "a matrix for blocks of " + block
        : shape_text(
              {parts(weight[0], storage->block_rows),
               parts(weight[1], storage->block_columns)}) +
            " (blocks of " + block + ")";
  }
  const std::string rows =
      weight.size() == 2 ? " or " + shape_text({weight[0], 1}) : "";
  return "[1]" + rows +
      " (config.json's quantization_config has no block size)";
}

std::vector<float> read_scales(
    const TensorFile& file,
    const TensorInfo& info,
    Problems& problems) {
  switch (info.type) {
    case StoredType::f64:
    case StoredType::f32:
    case StoredType::f16:
    case StoredType::bf16:
      break;
    default:
      problems.add(
          "expected fp32, bf16, fp16 or fp64 for tensor " + info.name +
          ", found " + traits(info.type).name);
      return {};
  }
  std::vector<std::byte> bytes(info.bytes);
  file.read(info.name, bytes);
  std::vector<float> values(static_cast<size_t>(count_of(info.shape)));
  to_float(info.type, bytes, values);
  const auto bad = std::find_if(values.begin(), values.end(), [](float scale) {
    return !std::isfinite(scale);
  });
  if (bad != values.end()) {
    problems.add(
        "expected finite scales in tensor " + info.name + ", found " +
        std::to_string(*bad) + " at element " +
        std::to_string(bad - values.begin()));
  }
  return values;
}

/// A weight smaller than a block is a block all the same.
std::string describe(
    const Fp8Scales& scales,
    const TensorInfo& weight,
    const std::optional<Fp8Storage>& storage) {
  const int64_t rows = weight.shape.size() == 2 ? weight.shape[0] : 1;
  const std::string each = storage && storage->block_rows > 0
      ? "block of " + std::to_string(scales.block_rows) + " x " +
          std::to_string(scales.block_columns)
      : scales.block_rows >= rows ? "tensor"
                                  : "row";
  return std::string(traits(weight.type).name) + " with a scale for each " +
      each;
}

} // namespace

bool is_fp8(StoredType type) {
  return type == StoredType::f8_e4m3 || type == StoredType::f8_e5m2;
}

bool is_scale_name(const std::string& name) {
  return scaled_weight(name) || without_ending(name, kActivationEndings);
}

void Fp8Scales::apply(int64_t first_row, int64_t columns, std::span<float> rows)
    const {
  const int64_t count = static_cast<int64_t>(rows.size()) / columns;
  for (int64_t row = 0; row < count; ++row) {
    const float* scale =
        values.data() + (first_row + row) / block_rows * grid_columns;
    float* out = rows.data() + row * columns;
    for (int64_t begin = 0; begin < columns; begin += block_columns, ++scale) {
      const int64_t end = std::min(columns, begin + block_columns);
      for (int64_t column = begin; column < end; ++column) {
        out[column] *= *scale;
      }
    }
  }
}

Fp8Tensors take_fp8_scales(
    const TensorFile& file,
    const std::optional<Fp8Storage>& storage,
    std::map<std::string, TensorInfo>& tensors,
    Problems& problems) {
  // The scales of each weight, and the scales of activations.
  std::map<std::string, std::vector<TensorInfo>> scales;
  int64_t activation_scales = 0;
  for (auto item = tensors.begin(); item != tensors.end();) {
    const auto weight = scaled_weight(item->first);
    const bool unread =
        !weight && without_ending(item->first, kActivationEndings);
    if (weight) {
      scales[*weight].push_back(item->second);
    }
    activation_scales += unread ? 1 : 0;
    item = weight || unread ? tensors.erase(item) : std::next(item);
  }
  Fp8Tensors found;
  std::map<std::string, int64_t> kinds;
  int64_t count = 0;
  for (const auto& [name, info] : tensors) {
    if (!is_fp8(info.type)) {
      continue;
    }
    const auto own = scales.find(name);
    if (own == scales.end()) {
      problems.add(
          "expected tensor " + name + "_scale or " + name +
          "_scale_inv beside the " + traits(info.type).name + " tensor " +
          name + ", found neither");
      continue;
    }
    if (own->second.size() > 1) {
      problems.add(
          "expected one scale of tensor " + name + ", found " +
          own->second[0].name + " and " + own->second[1].name);
      continue;
    }
    const TensorInfo& scale = own->second.front();
    auto layout = layout_of(info.shape, scale.shape, storage);
    if (!layout) {
      problems.add(
          "expected shape " + layout_text(info.shape, storage) + " of tensor " +
          scale.name + " for " + name + " of " + shape_text(info.shape) +
          ", found " + shape_text(scale.shape));
      continue;
    }
    layout->values = read_scales(file, scale, problems);
    ++count;
    ++kinds[describe(*layout, info, storage)];
    found.scales[name] = std::move(*layout);
  }
  for (const auto& [name, of_weight] : scales) {
    const auto weight = tensors.find(name);
    if (weight == tensors.end() || !is_fp8(weight->second.type)) {
      problems.add(
          "expected no tensor " + of_weight.front().name + ", because " + name +
          (weight == tensors.end()
               ? " is not there"
               : std::string(" is ") + traits(weight->second.type).name));
    }
  }
  for (const auto& [kind, number] : kinds) {
    found.summary += (found.summary.empty() ? "" : ", ") +
        std::to_string(number) + " from " + kind;
  }
  if (count > 0) {
    found.summary = std::to_string(count) +
        (count == 1 ? " tensor" : " tensors") +
        " dequantized: " + found.summary;
  }
  if (activation_scales > 0) {
    found.summary += (found.summary.empty() ? "" : "; ") +
        std::to_string(activation_scales) +
        " scales of activations left unread";
  }
  return found;
}

} // namespace octet
