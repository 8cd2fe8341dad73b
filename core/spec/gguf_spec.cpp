// What a GGUF header says, as the config.json of the same model. Sizes that the
// file does not name come from its tensors: biases by their presence, tied
// embeddings by the absence of output.weight.
// Source: llama.cpp conversion/{base,llama,qwen}.py, gguf-py constants.py
#include "core/spec/gguf_spec.h"

#include "core/base/problems.h"
#include "core/io/raise_about.h"
#include "core/io/stored_type.h"
#include "core/spec/architectures.h"
#include "core/spec/gguf_rope.h"

#include <array>
#include <charconv>

namespace octet {

namespace {

/// GGUF keeps reals as fp32: the shortest decimal that reads back as the same
/// fp32 is what the config had (1e-05, not 9.99999975e-06).
double shortest_decimal(double value) {
  std::array<char, 64> text;
  const auto end = std::to_chars(
      text.data(), text.data() + text.size(), static_cast<float>(value));
  double result = value;
  std::from_chars(text.data(), end.ptr, result);
  return result;
}

class GgufConfig {
 public:
  explicit GgufConfig(const GgufFile& file) : file_(file) {}

  nlohmann::json build() {
    choose_architecture();
    refuse_unsupported();
    sizes();
    rotary();
    biases();
    tokens();
    raise_about(problems_, "model", "cannot use " + file_.path().string());
    return std::move(config_);
  }

 private:
  std::string key(const std::string& name) const {
    return prefix_ + name;
  }
  bool has_tensor(const std::string& name) const {
    return file_.tensors().contains(name);
  }

  void choose_architecture() {
    const auto name = file_.find_string("general.architecture");
    const Architecture* found =
        name ? find_architecture_of_gguf(*name) : nullptr;
    if (!found) {
      std::vector<std::string> known;
      for (const Architecture& architecture : architectures()) {
        if (!architecture.gguf_name.empty()) {
          known.push_back(architecture.gguf_name);
        }
      }
      throw Failure(
          ExitCode::input,
          "model",
          name ? "architecture \"" + *name + "\" of " + file_.path().string() +
                  " is not known; Octet reads GGUF files of " +
                  join_names(known)
               : "expected general.architecture in " + file_.path().string() +
                  ", found no such key; this GGUF file holds no model");
    }
    if (file_.tensors().empty()) {
      throw Failure(
          ExitCode::input,
          "model",
          "expected weights in " + file_.path().string() +
              ", found a vocabulary alone");
    }
    prefix_ = *name + ".";
    // Mistral's files say "llama"; the window tells them apart.
    const auto window = file_.find_integer(key("attention.sliding_window"));
    if (found->window == WindowRule::none && window && *window > 0) {
      found = find_architecture("MistralForCausalLM");
    }
    architecture_ = found;
    config_["architectures"] = {found->name};
    config_["model_type"] = found->model_type;
    config_["hidden_act"] = "silu";
    config_["initializer_range"] = 0.02;
    config_["use_cache"] = true;
  }

  void refuse_unsupported() {
    if (file_.find_integer(key("expert_count")).value_or(0) > 0) {
      problems_.add(
          "mixtures of experts are not supported, found " +
          key("expert_count") + " = " +
          std::to_string(*file_.find_integer(key("expert_count"))));
    }
    if (file_.find_integer("split.count").value_or(1) > 1) {
      problems_.add(
          "expected a model in one GGUF file, found one of " +
          std::to_string(*file_.find_integer("split.count")) +
          "; join them with llama-gguf-split --merge");
    }
    for (const char* name :
         {"attention.scale",
          "attention.clamp_kqv",
          "attention.max_alibi_bias",
          "logit_scale",
          "embedding_scale",
          "residual_scale"}) {
      if (file_.metadata().contains(key(name))) {
        problems_.add("metadata key " + key(name) + " is not supported");
      }
    }
  }

  void integer(const char* to, const std::string& from, bool required) {
    const auto found = file_.metadata().find(from);
    if (found == file_.metadata().end()) {
      if (required) {
        problems_.add("expected metadata key " + from + ", found no such key");
      }
      return;
    }
    if (!std::holds_alternative<int64_t>(found->second)) {
      problems_.add(
          "expected one whole number for metadata key " + from +
          ", found another type (layers of different sizes are not "
          "supported)");
      return;
    }
    config_[to] = std::get<int64_t>(found->second);
  }

  void sizes() {
    integer("hidden_size", key("embedding_length"), true);
    integer("num_hidden_layers", key("block_count"), true);
    integer("intermediate_size", key("feed_forward_length"), true);
    integer("num_attention_heads", key("attention.head_count"), true);
    config_["num_key_value_heads"] = nullptr;
    integer("num_key_value_heads", key("attention.head_count_kv"), false);
    integer("max_position_embeddings", key("context_length"), true);
    integer("vocab_size", key("vocab_size"), false);
    if (const auto embedding = file_.tensors().find("token_embd.weight");
        !config_.contains("vocab_size") && embedding != file_.tensors().end() &&
        !embedding->second.shape.empty()) {
      config_["vocab_size"] = embedding->second.shape.front();
    }
    if (const auto eps =
            file_.find_real(key("attention.layer_norm_rms_epsilon"))) {
      config_["rms_norm_eps"] = shortest_decimal(*eps);
    } else {
      problems_.add(
          "expected metadata key " + key("attention.layer_norm_rms_epsilon") +
          ", found no such key");
    }
    config_["tie_word_embeddings"] = !has_tensor("output.weight");
    head_size();
    windows();
  }

  void head_size() {
    integer("head_dim", key("attention.key_length"), false);
    const int64_t heads = config_.value("num_attention_heads", int64_t{0});
    if (!config_.contains("head_dim") && heads > 0) {
      config_["head_dim"] = config_.value("hidden_size", int64_t{0}) / heads;
    }
    const int64_t size = config_.value("head_dim", int64_t{0});
    for (const char* name :
         {"attention.value_length", "rope.dimension_count"}) {
      if (const auto other = file_.find_integer(key(name));
          other && *other != size) {
        problems_.add(
            "expected " + key(name) + " to equal the head size " +
            std::to_string(size) + ", found " + std::to_string(*other));
      }
    }
  }

  void windows() {
    const auto window = file_.find_integer(key("attention.sliding_window"));
    if (architecture_->window == WindowRule::all_layers) {
      config_["sliding_window"] = *window;
    } else if (window && *window > 0) {
      problems_.add(
          "expected no " + key("attention.sliding_window") +
          " (GGUF does not say for which layers it holds), found " +
          std::to_string(*window) + "; use the model's Hugging Face folder");
    }
  }

  void rotary() {
    const double theta =
        shortest_decimal(file_.find_real(key("rope.freq_base")).value_or(1e4));
    config_["rope_theta"] = theta;
    nlohmann::json scaling = rope_scaling_of_gguf(
        file_, prefix_, theta, config_.value("head_dim", int64_t{0}));
    for (auto& [name, value] : scaling.items()) {
      if (value.is_number_float()) {
        value = shortest_decimal(value.get<double>());
      }
    }
    config_["rope_scaling"] = std::move(scaling);
  }

  void check_bias(BiasRule rule, const char* what, bool present) {
    if (rule == BiasRule::never && present) {
      problems_.add(
          std::string("expected no ") + what + " biases in a model of " +
          architecture_->name + ", found some");
    } else if (rule == BiasRule::always && !present) {
      problems_.add(
          std::string("expected ") + what + " biases in a model of " +
          architecture_->name + ", found none");
    }
  }

  void biases() {
    const bool qkv = has_tensor("blk.0.attn_q.bias");
    const bool output = has_tensor("blk.0.attn_output.bias");
    const bool mlp = has_tensor("blk.0.ffn_down.bias");
    check_bias(architecture_->qkv_bias, "q/k/v", qkv);
    check_bias(architecture_->output_bias, "attention output", output);
    check_bias(architecture_->mlp_bias, "MLP", mlp);
    if (architecture_->qkv_bias == BiasRule::config_key) {
      config_["attention_bias"] = qkv;
      if (qkv != output) {
        problems_.add(
            "expected biases on all four attention projections or on none in a "
            "model of " +
            architecture_->name + ", found them on " +
            (qkv ? "q, k and v" : "the output") + " only");
      }
    }
    if (architecture_->mlp_bias == BiasRule::config_key) {
      config_["mlp_bias"] = mlp;
    }
  }

  void tokens() {
    const std::array<std::pair<const char*, const char*>, 3> kTokens = {{
        {"bos_token_id", "tokenizer.ggml.bos_token_id"},
        {"eos_token_id", "tokenizer.ggml.eos_token_id"},
        {"pad_token_id", "tokenizer.ggml.padding_token_id"},
    }};
    for (const auto& [to, from] : kTokens) {
      const auto id = file_.find_integer(from);
      config_[to] = id ? nlohmann::json(*id) : nlohmann::json(nullptr);
    }
    config_["torch_dtype"] = dtype();
  }

  /// bfloat16 unless the big tensors are stored in full.
  std::string dtype() const {
    const auto tensor = file_.tensors().find("blk.0.ffn_down.weight");
    if (tensor == file_.tensors().end()) {
      return "bfloat16";
    }
    switch (tensor->second.type) {
      case StoredType::f16:
        return "float16";
      case StoredType::f32:
      case StoredType::f64:
        return "float32";
      default:
        return "bfloat16";
    }
  }

  const GgufFile& file_;
  const Architecture* architecture_ = nullptr;
  std::string prefix_;
  nlohmann::json config_ = nlohmann::json::object();
  Problems problems_;
};

} // namespace

nlohmann::json hf_config_of_gguf(const GgufFile& file) {
  return GgufConfig(file).build();
}

} // namespace octet
