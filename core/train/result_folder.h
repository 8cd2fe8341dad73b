// The folders that other programs read: a Hugging Face model, or a PEFT
// adapter, with the tokenizer beside it. Final results and checkpoints use it.
#pragma once

#include "core/model/decoder.h"
#include "core/text/tokenizer.h"
#include "core/train/run_plugins.h"

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

namespace octet {

/// fp32, bf16 and fp16; "auto" is the dtype that the base model has.
at::ScalarType export_dtype(const std::string& name, const ModelSpec& spec);

/// model.safetensors (sharded when large), config.json, generation_config.json.
/// @param merge_adapters adds every adapter's delta to its weight
/// @throws Failure(failed) for a full disk
void write_model_files(
    const std::filesystem::path& folder,
    const Decoder& decoder,
    at::ScalarType dtype,
    bool merge_adapters);

/// adapter_config.json and adapter_model.safetensors, fp32.
void write_adapter_files(
    const std::filesystem::path& folder,
    const AdapterFiles& files);

/// tokenizer.json, tokenizer_config.json, chat_template.jinja.
void write_tokenizer_files(
    const std::filesystem::path& folder,
    const Tokenizer& tokenizer);

/// Reads what write_adapter_files wrote, or what PEFT did.
/// @throws Failure(input)
AdapterFiles read_adapter_files(const std::filesystem::path& folder);

/// Whether a folder holds an adapter instead of a model.
bool is_adapter_folder(const std::filesystem::path& folder);

} // namespace octet
