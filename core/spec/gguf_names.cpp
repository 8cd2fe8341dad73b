// llama.cpp's tensor names and Hugging Face's.
// Source: llama.cpp gguf-py/gguf/tensor_mapping.py
#include "core/spec/gguf_names.h"

#include <algorithm>
#include <map>

namespace octet {

namespace {

const std::map<std::string, std::string>& whole_names() {
  static const std::map<std::string, std::string> kNames = {
      {"token_embd.weight", "model.embed_tokens.weight"},
      {"output_norm.weight", "model.norm.weight"},
      {"output.weight", "lm_head.weight"},
  };
  return kNames;
}

const std::map<std::string, std::string>& block_names() {
  static const std::map<std::string, std::string> kNames = {
      {"attn_norm", "input_layernorm"},
      {"attn_q", "self_attn.q_proj"},
      {"attn_k", "self_attn.k_proj"},
      {"attn_v", "self_attn.v_proj"},
      {"attn_output", "self_attn.o_proj"},
      {"attn_q_norm", "self_attn.q_norm"},
      {"attn_k_norm", "self_attn.k_norm"},
      {"ffn_norm", "post_attention_layernorm"},
      {"ffn_gate", "mlp.gate_proj"},
      {"ffn_up", "mlp.up_proj"},
      {"ffn_down", "mlp.down_proj"},
  };
  return kNames;
}

} // namespace

std::optional<std::string> hf_name_of_gguf(const std::string& name) {
  if (const auto whole = whole_names().find(name);
      whole != whole_names().end()) {
    return whole->second;
  }
  // blk.<layer>.<module>.<weight or bias>
  const std::string prefix = "blk.";
  const size_t after_layer = name.find('.', prefix.size());
  const size_t kind = name.rfind('.');
  if (!name.starts_with(prefix) || after_layer == std::string::npos ||
      kind <= after_layer) {
    return std::nullopt;
  }
  const std::string layer =
      name.substr(prefix.size(), after_layer - prefix.size());
  const std::string suffix = name.substr(kind);
  const auto module =
      block_names().find(name.substr(after_layer + 1, kind - after_layer - 1));
  const bool numbered =
      !layer.empty() && std::all_of(layer.begin(), layer.end(), [](char c) {
        return c >= '0' && c <= '9';
      });
  if (!numbered || module == block_names().end() ||
      (suffix != ".weight" && suffix != ".bias")) {
    return std::nullopt;
  }
  return "model.layers." + layer + "." + module->second + suffix;
}

bool is_gguf_rope_table(const std::string& name) {
  return name == "rope_freqs.weight" || name.ends_with(".attn_rot_embd.weight");
}

} // namespace octet
