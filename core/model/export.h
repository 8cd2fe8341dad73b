// Results that other programs load: Hugging Face model folders and adapter
// folders. Every folder appears whole or not at all.
#pragma once

#include "core/spec/model_spec.h"

#include <octet/feature.h>

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace octet {

/// Takes one tensor under its Hugging Face name.
using TensorSink =
    std::function<void(const std::string& name, const at::Tensor& tensor)>;
/// Gives every tensor of a model to a sink, in any order, one at a time:
/// [&](const TensorSink& sink) { decoder.export_tensors(true, sink); }
using TensorProducer = std::function<void(const TensorSink&)>;

/// What stands beside the weights.
struct HfFolder {
  ModelSpec spec;
  /// Of the written weights: kFloat, kBFloat16 or kHalf.
  at::ScalarType dtype = at::kBFloat16;
  /// Texts of tokenizer.json, tokenizer_config.json and chat_template.jinja;
  /// a file whose text is empty is not written.
  std::string tokenizer_json, tokenizer_config_json, chat_template;
  /// Text of generation_config.json; empty: made from the spec's tokens.
  std::string generation_config_json;
};

/// Writes model.safetensors (shards and an index above 5 GB), config.json,
/// generation_config.json and the tokenizer's files. Replaces a folder that
/// stands there. Besides the tensor being written nothing is kept in memory.
/// @throws Failure(failed) for a full disk or read-only folder, or when the
/// producer's tensors are not those of the spec; the folder is then as before
void write_hf_folder(
    const std::filesystem::path& folder,
    const HfFolder& contents,
    const TensorProducer& produce);

/// Writes adapter_config.json, adapter_model.safetensors (in the dtype of the
/// tensors) and `extra` files (name -> text), e.g. the tokenizer's.
/// @throws Failure(failed) as above
void write_adapter_folder(
    const std::filesystem::path& folder,
    const AdapterFiles& adapter,
    const std::map<std::string, std::string>& extra);

/// Reads an adapter folder; tensors keep their stored dtype.
/// @throws Failure(input) naming what is missing
AdapterFiles read_adapter_folder(const std::filesystem::path& folder);

/// "auto" (the stored dtype of the base model), "fp32", "bf16" or "fp16".
/// @throws Failure(usage) for another word
at::ScalarType export_dtype(const std::string& word, const ModelSpec& spec);

} // namespace octet
