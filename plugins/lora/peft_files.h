// The files of an adapter as PEFT writes and reads them.
#pragma once

#include "settings.h"

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

namespace octet::lora {

/// Names of a site's parameters: "<site>.lora_A.weight".
std::string a_name(const std::string& site);
std::string b_name(const std::string& site);
/// The same in adapter_model.safetensors.
std::string peft_name(const std::string& parameter);

/// Text of adapter_config.json.
std::string peft_config(
    const Settings& settings,
    const std::vector<std::string>& roles,
    const std::string& base_model);

/// @throws Error naming every part of the config that Octet does not do (DoRA,
/// trained biases, ...)
Settings parse_peft_config(const std::string& config_json);

/// @returns fp32 tensors by parameter name
/// @throws Error naming every tensor that is not one half of a LoRA pair
std::map<std::string, at::Tensor> parse_peft_tensors(
    const std::map<std::string, at::Tensor>& tensors);

} // namespace octet::lora
