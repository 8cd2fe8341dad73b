// Every kind of FP8 that is known multiplies: weight = stored * scale, also
// where the scale's name ends in "_inv" (it is the inverse of what the weight
// was multiplied with when it was quantized). They differ in how many elements
// share a scale.
#include "core/spec/quantization_config.h"

#include <set>

namespace octet {
namespace {

using nlohmann::json;

constexpr int64_t kMaxBlock = int64_t{1} << 20;

const char* const kKnown =
    "Octet reads fp8 (per tensor, per row and weight_block_size), "
    "compressed-tensors with 8-bit floats, fbgemm_fp8 and modelopt FP8; for "
    "others use the model it was made from";

const json* member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const json& object, const char* key) {
  const json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>()
                                                : "";
}

class Reader {
 public:
  explicit Reader(const ConfigReader& config) : config_(config) {}

  std::optional<Fp8Storage> read(const json& table) {
    Fp8Storage storage;
    storage.method = text_of(table, "quant_method");
    if (storage.method == "fp8") {
      read_blocks(table, "weight_block_size", storage);
    } else if (storage.method == "compressed-tensors") {
      read_compressed(table, storage);
    } else if (storage.method == "modelopt") {
      if (const std::string kind = text_of(table, "quant_algo");
          kind != "FP8") {
        refuse("quantized with modelopt's \"" + kind + "\"");
      }
    } else if (storage.method != "fbgemm_fp8") {
      refuse(
          "a checkpoint quantized with \"" +
          (storage.method.empty() ? "unknown" : storage.method) + "\"");
    }
    return failed_ ? std::nullopt : std::optional(storage);
  }

 private:
  void refuse(const std::string& what) {
    config_.problem(
        "expected plain or FP8 weights, found " + what + "; " + kKnown);
    failed_ = true;
  }

  /// [rows, columns] or null.
  void read_blocks(const json& table, const char* key, Fp8Storage& storage) {
    const json* block = member(table, key);
    if (block == nullptr) {
      return;
    }
    const auto size = [](const json& value) {
      const bool fits =
          value.is_number_integer() && value >= 1 && value <= kMaxBlock;
      return fits ? value.get<int64_t>() : 0;
    };
    if (block->is_array() && block->size() == 2) {
      storage.block_rows = size((*block)[0]);
      storage.block_columns = size((*block)[1]);
    }
    if (storage.block_rows == 0 || storage.block_columns == 0) {
      config_.problem(
          std::string("expected two sizes like [128, 128] for ") + key +
          ", found " + block->dump());
      failed_ = true;
    }
  }

  void read_compressed(const json& table, Fp8Storage& storage) {
    const std::string format = text_of(table, "format");
    const std::set<std::string> known = {
        "float-quantized", "naive-quantized", "mixed-precision", ""};
    if (!known.contains(format)) {
      refuse("compressed-tensors in the format \"" + format + "\"");
      return;
    }
    if (const json* sparsity = member(table, "sparsity_config");
        sparsity != nullptr && sparsity->is_object() && !sparsity->empty() &&
        text_of(*sparsity, "format") != "dense") {
      refuse("compressed-tensors with sparse weights");
    }
    if (const json* transform = member(table, "transform_config");
        transform != nullptr && transform->is_object() &&
        member(*transform, "config_groups") != nullptr &&
        !member(*transform, "config_groups")->empty()) {
      refuse("compressed-tensors with rotated weights (transform_config)");
    }
    const json* groups = member(table, "config_groups");
    if (groups == nullptr || !groups->is_object() || groups->empty()) {
      refuse("compressed-tensors without config_groups");
      return;
    }
    bool first = true;
    for (const auto& [name, group] : groups->items()) {
      const Fp8Storage found = read_group(name, group);
      if (!first &&
          (found.block_rows != storage.block_rows ||
           found.block_columns != storage.block_columns)) {
        refuse("compressed-tensors groups of different block sizes");
      }
      storage.block_rows = found.block_rows;
      storage.block_columns = found.block_columns;
      first = false;
    }
  }

  Fp8Storage read_group(const std::string& name, const json& group) {
    Fp8Storage storage;
    const json* weights =
        group.is_object() ? member(group, "weights") : nullptr;
    if (weights == nullptr || !weights->is_object()) {
      refuse("compressed-tensors group " + name + " without weights");
      return storage;
    }
    const json* bits = member(*weights, "num_bits");
    const bool fp8 =
        text_of(*weights, "type") == "float" && bits != nullptr && *bits == 8;
    if (!fp8) {
      refuse(
          "compressed-tensors group " + name + " with weights of " +
          (bits != nullptr ? bits->dump() : "unknown") + " bits of type \"" +
          text_of(*weights, "type") + "\"");
      return storage;
    }
    const std::string strategy = text_of(*weights, "strategy");
    if (strategy == "block") {
      read_blocks(*weights, "block_structure", storage);
    } else if (strategy != "tensor" && strategy != "channel") {
      refuse(
          "compressed-tensors group " + name + " with strategy \"" + strategy +
          "\"");
    }
    return storage;
  }

  const ConfigReader& config_;
  bool failed_ = false;
};

} // namespace

std::optional<Fp8Storage> read_quantization(const ConfigReader& config) {
  const json* table = config.find("quantization_config");
  if (table == nullptr) {
    return std::nullopt;
  }
  if (!table->is_object()) {
    config.problem(
        "expected a table, found " + config.shown("quantization_config"));
    return std::nullopt;
  }
  return Reader(config).read(*table);
}

} // namespace octet
