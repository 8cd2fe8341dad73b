// Dequantization of GGUF blocks to fp32, bit for bit as ggml defines it: every
// product and sum is rounded to fp32 on its own.
#pragma once

#include "core/io/tensor_file.h"

#include <cstddef>
#include <span>

namespace octet {

/// @param type one of q4_0 ... q6_k
/// @param in whole blocks, as stored
/// @param out block_elements values for each block of `in`
/// Source: layouts of ggml-common.h; golden: tests/fixtures/io/gguf_blocks.bin
void dequantize_blocks(
    StoredType type,
    std::span<const std::byte> in,
    std::span<float> out);

} // namespace octet
