// What distinguishes the supported architectures: one entry each. All of them
// are pre-norm decoders with rotary positions, grouped-query attention, RMSNorm
// and a gated SiLU MLP; whatever differs is a field here.
//
// To add an architecture that fits this frame: copy an entry in
// architectures.cpp. Everything else (config checks, GGUF, weights, messages)
// follows from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octet {

enum class BiasRule {
  never,
  always,
  /// The config's attention_bias (or mlp_bias) says; absent = false.
  config_key,
};

enum class WindowRule {
  none,
  /// `sliding_window` holds for every layer.
  all_layers,
  /// With `use_sliding_window`, for the layers from `max_window_layers` on, or
  /// those that `layer_types` names.
  upper_layers,
};

struct Architecture {
  /// The Hugging Face class: "LlamaForCausalLM".
  std::string name;
  /// config.json's model_type.
  std::string model_type;
  /// general.architecture of GGUF files that become this architecture; empty
  /// when none does directly.
  std::string gguf_name;
  /// Whether such files hold the rows of q and k in llama.cpp's order.
  bool gguf_permutes_qk = false;

  BiasRule qkv_bias = BiasRule::never;
  BiasRule output_bias = BiasRule::never;
  BiasRule mlp_bias = BiasRule::never;
  bool qk_norm = false;
  WindowRule window = WindowRule::none;

  // What transformers assumes where config.json says nothing.
  /// 0: as many as query heads.
  int64_t default_kv_heads = 0;
  /// 0: hidden_size / heads.
  int64_t default_head_size = 0;
  int64_t default_max_positions = 0;
  /// -1: none.
  int64_t default_bos = -1, default_eos = -1;
  bool default_tied = false;
};

const std::vector<Architecture>& architectures();

/// Null when not known.
const Architecture* find_architecture(const std::string& name);
const Architecture* find_architecture_of_model_type(const std::string& type);
const Architecture* find_architecture_of_gguf(const std::string& gguf_name);

} // namespace octet
