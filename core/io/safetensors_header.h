// The JSON header of a safetensors file (private to core/io).
#pragma once

#include "core/io/tensor_file.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace octet {

struct SafetensorsHeader {
  std::map<std::string, TensorInfo> tensors;
  /// Of each tensor, from the first byte after the header.
  std::map<std::string, size_t> offsets;
  std::map<std::string, std::string> metadata;
};

/// Parses and checks a header.
/// @param data_bytes what follows the header in the file
/// @param origin the file's name, for messages
/// @throws Failure(input)
SafetensorsHeader parse_safetensors_header(
    std::string_view text,
    size_t data_bytes,
    const std::string& origin);

/// The weight_map of a model.safetensors.index.json: tensor -> shard.
/// @throws Failure(input)
std::map<std::string, std::string> read_safetensors_index(
    const std::filesystem::path& index);

/// The dtype's name in the format: "BF16". Null for GGUF blocks.
const char* safetensors_dtype(StoredType type);

/// Tensors are written in rising order of this, then by name; wider elements
/// come first, so every tensor is aligned.
size_t safetensors_rank(StoredType type);

} // namespace octet
