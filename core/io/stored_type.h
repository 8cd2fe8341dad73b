// Sizes and names of the stored types, and their conversion to fp32.
#pragma once

#include "core/io/tensor_file.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace octet {

struct StoredTypeTraits {
  /// As messages write it: "bf16", "Q4_K".
  const char* name;
  /// Elements of one block; 1 for plain types.
  size_t block_elements;
  /// Bytes of one block.
  size_t block_bytes;
};

const StoredTypeTraits& traits(StoredType type);

/// Whether values are packed in GGUF blocks.
bool is_quantized(StoredType type);

/// Product of a shape. @returns nothing on overflow or a negative size
std::optional<size_t> element_count(const std::vector<int64_t>& shape);

/// Bytes of a tensor. @returns nothing on overflow, or when the last dimension
/// is no multiple of the type's block
std::optional<size_t> stored_bytes(
    StoredType type,
    const std::vector<int64_t>& shape);

/// "[576, 1536]".
std::string shape_text(const std::vector<int64_t>& shape);

/// Exact value of an IEEE half.
float half_to_float(uint16_t half);

/// Exact values of FP8: E4M3 as in "FP8 formats for deep learning" (no
/// infinity, NaN is s1111111), E5M2 as an IEEE half without its low byte.
float e4m3_to_float(uint8_t code);
float e5m2_to_float(uint8_t code);

/// Converts stored bytes to fp32: f64 rounds to nearest, f32, f16, bf16 and
/// fp8 are exact, GGUF blocks are dequantized.
/// @param in whole blocks: out.size() / block_elements of them
/// @throws Failure(input) for a type that holds no real numbers
void to_float(
    StoredType type,
    std::span<const std::byte> in,
    std::span<float> out);

} // namespace octet
