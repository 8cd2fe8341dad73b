// Tensor names of GGUF files in Hugging Face's words.
#pragma once

#include <optional>
#include <string>

namespace octet {

/// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight".
/// @returns nothing for a name that is no weight of a supported architecture
std::optional<std::string> hf_name_of_gguf(const std::string& name);

/// Tensors of GGUF files that are no weights: tables for rotary positions.
bool is_gguf_rope_table(const std::string& name);

} // namespace octet
