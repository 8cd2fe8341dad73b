// Keys and names as PEFT 0.18 reads them; what it defaults is left out unless
// older versions need it.
#include "peft_files.h"

#include <octet/error.h>

#include <ATen/TensorOperators.h>
#include <nlohmann/json.hpp>

namespace octet::lora {
namespace {

using nlohmann::json;

constexpr const char* kPrefix = "base_model.model.";
constexpr const char* kA = ".lora_A.weight";
constexpr const char* kB = ".lora_B.weight";

[[noreturn]] void refuse(const std::string& problems) {
  throw Error("lora", "cannot use this adapter: " + problems);
}

/// A key's value, or a default where it is missing or null.
template <typename Value>
Value value_or(const json& config, const char* key, Value fallback) {
  const auto found = config.find(key);
  return found == config.end() || found->is_null() ? fallback
                                                   : found->get<Value>();
}

/// Whether a key says anything: not missing, null, false, "", [] or {}.
bool is_set(const json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) {
    return false;
  }
  if (found->is_boolean()) {
    return found->get<bool>();
  }
  return !found->empty();
}

/// Parts of a config that change the numbers in ways Octet does not do.
std::string unsupported_parts(const json& config) {
  std::string problems;
  const auto add = [&](const std::string& text) {
    problems += (problems.empty() ? "" : "; ") + text;
  };
  if (const auto type = value_or<std::string>(config, "peft_type", "");
      type != "LORA") {
    add("expected peft_type \"LORA\", found \"" + type + "\"");
  }
  for (const char* key :
       {"use_dora",
        "fan_in_fan_out",
        "modules_to_save",
        "alpha_pattern",
        "lora_bias",
        "use_qalora",
        "use_bdlora",
        "alora_invocation_tokens",
        "target_parameters",
        "trainable_token_indices",
        "layer_replication"}) {
    if (is_set(config, key)) {
      add(std::string(key) + " is set, which Octet does not do");
    }
  }
  if (const auto bias = value_or<std::string>(config, "bias", "none");
      bias != "none") {
    add("expected bias \"none\", found \"" + bias + "\"");
  }
  return problems;
}

} // namespace

std::string a_name(const std::string& site) {
  return site + kA;
}

std::string b_name(const std::string& site) {
  return site + kB;
}

std::string peft_name(const std::string& parameter) {
  return kPrefix + parameter;
}

std::string peft_config(
    const Settings& settings,
    const std::vector<std::string>& roles,
    const std::string& base_model) {
  const json config = {
      {"peft_type", "LORA"},
      {"task_type", "CAUSAL_LM"},
      {"base_model_name_or_path", base_model},
      {"r", settings.rank},
      {"lora_alpha", settings.alpha},
      {"lora_dropout", settings.dropout},
      {"use_rslora", settings.rslora},
      {"target_modules", roles},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"use_dora", false},
      {"modules_to_save", nullptr},
      {"rank_pattern", json::object()},
      {"alpha_pattern", json::object()}};
  return config.dump(2) + "\n";
}

Settings parse_peft_config(const std::string& config_json) {
  const json config = json::parse(config_json, nullptr, false);
  if (!config.is_object()) {
    refuse("adapter_config.json is not a JSON object");
  }
  try {
    const std::string problems = unsupported_parts(config);
    if (!problems.empty()) {
      refuse("adapter_config.json: " + problems);
    }
    Settings settings;
    settings.rank = value_or<int64_t>(config, "r", 8);
    settings.alpha = value_or<double>(config, "lora_alpha", 8);
    settings.rslora = value_or(config, "use_rslora", false);
    if (settings.rank < 1) {
      refuse(
          "adapter_config.json: expected r >= 1, found " +
          std::to_string(settings.rank));
    }
    return settings;
  } catch (const json::exception& error) {
    refuse(std::string("adapter_config.json: ") + error.what());
  }
}

std::map<std::string, at::Tensor> parse_peft_tensors(
    const std::map<std::string, at::Tensor>& tensors) {
  std::map<std::string, at::Tensor> by_parameter;
  std::string wrong;
  const auto add = [&](const std::string& name) {
    wrong += (wrong.empty() ? "" : ", ") + name;
  };
  for (const auto& [name, tensor] : tensors) {
    const bool pair = name.ends_with(kA) || name.ends_with(kB);
    if (!name.starts_with(kPrefix) || !pair || tensor.dim() != 2) {
      add(name);
      continue;
    }
    by_parameter[name.substr(std::string(kPrefix).size())] =
        tensor.to(at::kFloat).contiguous();
  }
  if (!wrong.empty()) {
    refuse(
        "expected tensors " + peft_name("<layer>") + kA + " and " + kB +
        ", found " + wrong);
  }
  if (by_parameter.empty()) {
    refuse("adapter_model.safetensors has no tensor");
  }
  for (const auto& [name, tensor] : by_parameter) {
    const bool is_a = name.ends_with(kA);
    const std::string site =
        name.substr(0, name.size() - std::string(kA).size());
    if (!by_parameter.contains(is_a ? b_name(site) : a_name(site))) {
      add(is_a ? b_name(site) : a_name(site));
    }
  }
  if (!wrong.empty()) {
    refuse("the other half is missing: " + wrong);
  }
  return by_parameter;
}

} // namespace octet::lora
