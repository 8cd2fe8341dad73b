// What a model is, without reading a weight: architecture, sites and shapes,
// from config.json or a GGUF header alone.
#pragma once

#include <octet/site.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace octet {

enum class RopeScalingKind { none, linear, llama3, yarn };

struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::none;
  double factor = 1;
  // llama3
  double low_freq_factor = 1, high_freq_factor = 4;
  // llama3 and yarn
  int64_t original_max_positions = 0;
  // yarn
  double beta_fast = 32, beta_slow = 1;
  /// Multiplies cos and sin; yarn: 0.1 ln(factor) + 1 unless given.
  std::optional<double> attention_factor;
  std::optional<double> mscale, mscale_all_dim;
  bool truncate = true;
};

/// Weights that are stored in FP8 with scales, as config.json tells it.
struct Fp8Storage {
  /// quant_method: "fp8", "compressed-tensors", "fbgemm_fp8", "modelopt".
  std::string method;
  /// Elements of a block that shares a scale; 0: a scale for each tensor or
  /// row.
  int64_t block_rows = 0, block_columns = 0;
};

struct ModelSpec {
  /// "LlamaForCausalLM", ...: the Hugging Face class.
  std::string architecture;
  /// "llama", "mistral", "qwen2", "qwen3"
  std::string model_type;
  int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  int64_t layers = 0, heads = 0, kv_heads = 0, head_size = 0;
  int64_t max_positions = 0;
  double rms_norm_eps = 0;
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  bool tied_embeddings = false;
  bool qkv_bias = false, output_bias = false, mlp_bias = false;
  /// RMSNorm over each head of q and k (Qwen3).
  bool qk_norm = false;
  /// Keys a query sees, itself included; 0 = all. Per layer, since Qwen uses
  /// it in the upper layers only.
  std::vector<int64_t> windows;
  std::optional<int64_t> bos_token, pad_token;
  std::vector<int64_t> eos_tokens;
  /// dtype of the stored weights: "bf16", "fp16", "fp32"; for quantized GGUF
  /// files "bf16", for FP8 what config.json says the model computes in.
  std::string stored_dtype;
  /// How the weights are quantized; they are dequantized when loaded.
  std::optional<Fp8Storage> fp8;
  /// config.json to write beside a result: the model's own, or one made from
  /// GGUF metadata. Without quantization_config: results are not quantized.
  nlohmann::json hf_config;

  /// Linears and embeddings in model order.
  std::vector<Site> sites() const;
  /// Every tensor of the Hugging Face checkpoint with its shape.
  std::map<std::string, std::vector<int64_t>> tensors() const;
  int64_t parameter_count() const;
};

/// @param path a Hugging Face folder or a .gguf file
/// @throws Failure(input) for a missing file, an unknown architecture (named,
/// with the known ones), a value that does not fit
ModelSpec read_model_spec(const std::filesystem::path& path);

/// From the text of a config.json.
ModelSpec parse_hf_config(
    const nlohmann::json& config,
    const std::string& origin);

} // namespace octet
