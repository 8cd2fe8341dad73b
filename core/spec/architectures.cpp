// The table of supported architectures: copy an entry to add one.
// Source: transformers 5 configuration_{llama,mistral,qwen2,qwen3}.py
#include "core/spec/architectures.h"

namespace octet {

const std::vector<Architecture>& architectures() {
  static const std::vector<Architecture> kArchitectures = {
      // Llama 2 and 3, SmolLM2, and whatever else uses the class.
      {.name = "LlamaForCausalLM",
       .model_type = "llama",
       .gguf_name = "llama",
       .gguf_permutes_qk = true,
       .qkv_bias = BiasRule::config_key,
       .output_bias = BiasRule::config_key,
       .mlp_bias = BiasRule::config_key,
       .default_max_positions = 2048,
       .default_bos = 1,
       .default_eos = 2},
      // GGUF files of Mistral models name "llama" as their architecture; one
      // with a sliding window becomes this.
      {.name = "MistralForCausalLM",
       .model_type = "mistral",
       .gguf_name = "",
       .gguf_permutes_qk = true,
       .window = WindowRule::all_layers,
       .default_kv_heads = 8,
       .default_max_positions = 131072,
       .default_bos = 1,
       .default_eos = 2},
      // Qwen2 and Qwen2.5.
      {.name = "Qwen2ForCausalLM",
       .model_type = "qwen2",
       .gguf_name = "qwen2",
       .qkv_bias = BiasRule::always,
       .window = WindowRule::upper_layers,
       .default_kv_heads = 32,
       .default_max_positions = 32768},
      {.name = "Qwen3ForCausalLM",
       .model_type = "qwen3",
       .gguf_name = "qwen3",
       .qkv_bias = BiasRule::config_key,
       .output_bias = BiasRule::config_key,
       .qk_norm = true,
       .window = WindowRule::upper_layers,
       .default_kv_heads = 32,
       .default_head_size = 128,
       .default_max_positions = 32768},
  };
  return kArchitectures;
}

namespace {

const Architecture* find(
    std::string Architecture::*field,
    const std::string& value) {
  for (const Architecture& architecture : architectures()) {
    if (!value.empty() && architecture.*field == value) {
      return &architecture;
    }
  }
  return nullptr;
}

} // namespace

const Architecture* find_architecture(const std::string& name) {
  return find(&Architecture::name, name);
}

const Architecture* find_architecture_of_model_type(const std::string& type) {
  return find(&Architecture::model_type, type);
}

const Architecture* find_architecture_of_gguf(const std::string& gguf_name) {
  return find(&Architecture::gguf_name, gguf_name);
}

} // namespace octet
