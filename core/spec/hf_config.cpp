// config.json to ModelSpec. Absent keys mean what transformers' config classes
// make of them (architectures.cpp); what Octet does not compute is refused by
// name, never ignored.
// Source: transformers 5 configuration_{llama,mistral,qwen2,qwen3}.py
#include "core/io/raise_about.h"
#include "core/spec/architectures.h"
#include "core/spec/config_reader.h"
#include "core/spec/model_spec.h"
#include "core/spec/quantization_config.h"
#include "core/spec/rope_config.h"

#include <algorithm>

namespace octet {

namespace {

// Far above any real model, and small enough that no product overflows.
constexpr int64_t kMaxVocabulary = int64_t{1} << 24;
constexpr int64_t kMaxWidth = int64_t{1} << 20;
constexpr int64_t kMaxHeads = int64_t{1} << 12;
constexpr int64_t kMaxHeadSize = int64_t{1} << 12;
constexpr int64_t kMaxLayers = 2000;
constexpr int64_t kMaxTokens = int64_t{1} << 31;

std::string known_architectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : architectures()) {
    names.push_back(architecture.name);
  }
  return join_names(names);
}

/// "architectures" decides; without it, "model_type".
const Architecture* architecture_of(const ConfigReader& config) {
  const std::string type = config.string("model_type").value_or("");
  std::string name;
  if (const nlohmann::json* list = config.find("architectures")) {
    if (list->is_array() && !list->empty() && list->front().is_string()) {
      name = list->front().get<std::string>();
    } else {
      config.problem(
          "expected a list of class names, found " +
          config.shown("architectures"));
      return nullptr;
    }
  }
  if (name.empty() && type.empty()) {
    config.problem(
        "expected \"architectures\" or \"model_type\", found neither; this is "
        "no config.json of a model");
    return nullptr;
  }
  const Architecture* found = name.empty()
      ? find_architecture_of_model_type(type)
      : find_architecture(name);
  if (!found) {
    config.problem(
        "architecture " + (name.empty() ? type : name) +
        " is not known; Octet trains " + known_architectures());
  } else if (!type.empty() && type != found->model_type) {
    config.problem(
        "expected model_type \"" + found->model_type + "\" for " + found->name +
        ", found \"" + type + "\"");
  }
  return found;
}

bool bias(BiasRule rule, const ConfigReader& config, const std::string& key) {
  return rule == BiasRule::always ||
      (rule == BiasRule::config_key && config.boolean(key).value_or(false));
}

void read_sizes(
    const Architecture& architecture,
    const ConfigReader& config,
    ModelSpec& spec) {
  spec.vocab_size = config.required("vocab_size", 1, kMaxVocabulary);
  spec.hidden_size = config.required("hidden_size", 1, kMaxWidth);
  spec.intermediate_size = config.required("intermediate_size", 1, kMaxWidth);
  spec.layers = config.required("num_hidden_layers", 1, kMaxLayers);
  spec.heads = config.required("num_attention_heads", 1, kMaxHeads);
  if (spec.heads == 0) {
    return;
  }
  // A null means as many as query heads; an absent key the class's default.
  const nlohmann::json& object = config.object();
  const bool absent = !object.contains("num_key_value_heads");
  spec.kv_heads = config.integer("num_key_value_heads", 1, kMaxHeads)
                      .value_or(
                          absent && architecture.default_kv_heads > 0
                              ? architecture.default_kv_heads
                              : spec.heads);
  if (spec.heads % spec.kv_heads != 0) {
    config.problem(
        "expected num_attention_heads to be a multiple of "
        "num_key_value_heads, found " +
        std::to_string(spec.heads) + " and " + std::to_string(spec.kv_heads));
  }
  if (const auto size = config.integer("head_dim", 1, kMaxHeadSize)) {
    spec.head_size = *size;
  } else if (!config.has("head_dim") && architecture.default_head_size > 0) {
    spec.head_size = architecture.default_head_size;
  } else if (spec.hidden_size % spec.heads != 0) {
    config.problem(
        "expected hidden_size to be a multiple of num_attention_heads "
        "(there is no head_dim), found " +
        std::to_string(spec.hidden_size) + " and " +
        std::to_string(spec.heads));
  } else {
    spec.head_size = spec.hidden_size / spec.heads;
  }
  if (spec.head_size % 2 != 0) {
    config.problem(
        "expected an even head size for rotary positions, found " +
        std::to_string(spec.head_size));
  }
}

/// Which layers slide, as layer_types says. @returns nothing when absent
std::optional<std::vector<bool>> sliding_layers(
    const ConfigReader& config,
    int64_t layers) {
  const nlohmann::json* types = config.find("layer_types");
  if (!types) {
    return std::nullopt;
  }
  std::vector<bool> sliding;
  bool fits = types->is_array() &&
      types->size() == static_cast<size_t>(std::max<int64_t>(layers, 0));
  for (size_t i = 0; fits && i < types->size(); ++i) {
    const nlohmann::json& type = (*types)[i];
    sliding.push_back(type == "sliding_attention");
    fits = sliding.back() || type == "full_attention";
  }
  if (!fits) {
    config.problem(
        "expected " + std::to_string(layers) +
        " times \"full_attention\" or \"sliding_attention\", found " +
        config.shown("layer_types"));
    return std::nullopt;
  }
  return sliding;
}

void read_windows(
    const Architecture& architecture,
    const ConfigReader& config,
    ModelSpec& spec) {
  spec.windows.assign(static_cast<size_t>(spec.layers), 0);
  const auto types = sliding_layers(config, spec.layers);
  // transformers assumes 4096 where the key is missing; a null turns it off.
  const bool absent = !config.object().contains("sliding_window");
  const std::optional<int64_t> written =
      config.integer("sliding_window", 1, kMaxTokens);
  const int64_t window = written.value_or(absent ? 4096 : 0);
  if (architecture.window == WindowRule::all_layers) {
    std::fill(spec.windows.begin(), spec.windows.end(), window);
  } else if (
      architecture.window == WindowRule::upper_layers &&
      config.boolean("use_sliding_window").value_or(false)) {
    const int64_t from =
        config.integer("max_window_layers", 0, kMaxTokens).value_or(28);
    for (size_t i = 0; i < spec.windows.size(); ++i) {
      const bool slides = types ? (*types)[i] : static_cast<int64_t>(i) >= from;
      spec.windows[i] = slides ? window : 0;
    }
  }
  for (size_t i = 0; types && i < spec.windows.size(); ++i) {
    if ((*types)[i] != (spec.windows[i] > 0)) {
      config.problem(
          "expected layer_types and the sliding window to agree, found layer " +
          std::to_string(i) + " as \"" +
          ((*types)[i] ? "sliding_attention" : "full_attention") + "\" with " +
          (spec.windows[i] > 0 ? "a" : "no") +
          " window (sliding_window, use_sliding_window)");
      return;
    }
  }
}

std::optional<int64_t>
token(const ConfigReader& config, const std::string& key, int64_t fallback) {
  // -1 in old configs means none.
  if (!config.object().contains(key)) {
    return fallback < 0 ? std::nullopt : std::optional(fallback);
  }
  const std::optional<int64_t> id = config.integer(key, -1, kMaxTokens);
  return id && *id >= 0 ? id : std::nullopt;
}

void read_tokens(
    const Architecture& architecture,
    const ConfigReader& config,
    ModelSpec& spec) {
  spec.bos_token = token(config, "bos_token_id", architecture.default_bos);
  spec.pad_token = token(config, "pad_token_id", -1);
  const nlohmann::json* eos = config.find("eos_token_id");
  if (eos && eos->is_array()) {
    for (const nlohmann::json& id : *eos) {
      if (!id.is_number_integer() || id < 0 || id > kMaxTokens) {
        config.problem(
            "expected token ids, found " + config.shown("eos_token_id"));
        return;
      }
      spec.eos_tokens.push_back(id.get<int64_t>());
    }
  } else if (
      const auto id = token(config, "eos_token_id", architecture.default_eos)) {
    spec.eos_tokens.push_back(*id);
  }
}

void read_dtype(const ConfigReader& config, ModelSpec& spec) {
  const std::string key = config.has("dtype") ? "dtype" : "torch_dtype";
  const std::optional<std::string> dtype = config.string(key);
  if (!dtype) {
    return;
  }
  if (*dtype == "bfloat16") {
    spec.stored_dtype = "bf16";
  } else if (*dtype == "float16") {
    spec.stored_dtype = "fp16";
  } else if (*dtype == "float32") {
    spec.stored_dtype = "fp32";
  } else {
    config.problem(
        "expected bfloat16, float16 or float32, found " + config.shown(key));
  }
}

/// Settings that would change the numbers and that Octet does not compute.
void refuse_unsupported(const ConfigReader& config) {
  if (const auto act = config.string("hidden_act");
      act && *act != "silu" && *act != "swish") {
    config.problem(
        "expected hidden_act \"silu\", found " + config.shown("hidden_act"));
  }
  if (const nlohmann::json* dropout = config.find("attention_dropout");
      dropout && !(dropout->is_number() && dropout->get<double>() == 0)) {
    config.problem(
        "attention dropout is not supported, found " +
        config.shown("attention_dropout") + "; set it to 0");
  }
}

} // namespace

ModelSpec parse_hf_config(
    const nlohmann::json& json,
    const std::string& origin) {
  Problems problems;
  ModelSpec spec;
  if (!json.is_object()) {
    throw Failure(
        ExitCode::input,
        "model",
        "expected a JSON object in " + origin + ", found " + json.type_name());
  }
  const ConfigReader config(json, "", problems);
  if (const Architecture* architecture = architecture_of(config)) {
    spec.architecture = architecture->name;
    spec.model_type = architecture->model_type;
    read_sizes(*architecture, config, spec);
    spec.max_positions =
        config.integer("max_position_embeddings", 1, kMaxTokens)
            .value_or(architecture->default_max_positions);
    spec.rms_norm_eps = config.positive("rms_norm_eps").value_or(1e-6);
    spec.tied_embeddings = config.boolean("tie_word_embeddings")
                               .value_or(architecture->default_tied);
    spec.qkv_bias = bias(architecture->qkv_bias, config, "attention_bias");
    spec.output_bias =
        bias(architecture->output_bias, config, "attention_bias");
    spec.mlp_bias = bias(architecture->mlp_bias, config, "mlp_bias");
    spec.qk_norm = architecture->qk_norm;
    read_windows(*architecture, config, spec);
    read_tokens(*architecture, config, spec);
    read_rope(config, problems, spec);
  }
  read_dtype(config, spec);
  spec.fp8 = read_quantization(config);
  refuse_unsupported(config);
  raise_about(problems, "model", "cannot use " + origin);
  spec.hf_config = json;
  spec.hf_config.erase("quantization_config");
  return spec;
}

} // namespace octet
