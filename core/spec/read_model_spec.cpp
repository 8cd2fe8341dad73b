// Where a model lies: a Hugging Face folder or a GGUF file.
#include "core/io/gguf.h"
#include "core/io/input_file.h"
#include "core/io/safetensors.h"
#include "core/spec/gguf_spec.h"
#include "core/spec/model_spec.h"

#include "core/base/problems.h"

#include <algorithm>

namespace octet {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxConfig = size_t{16} << 20;

nlohmann::json read_json(const fs::path& path) {
  const std::string text = read_text_file(path, "model", kMaxConfig);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw Failure(
        ExitCode::input,
        "model",
        "expected JSON in " + path.string() + ", found it broken at byte " +
            std::to_string(error.byte));
  }
}

/// A chat model often ends its turns with more tokens than config.json names.
void add_generation_eos(const fs::path& folder, ModelSpec& spec) {
  const fs::path path = folder / "generation_config.json";
  if (std::error_code error; !fs::exists(path, error)) {
    return;
  }
  const nlohmann::json json = read_json(path);
  if (!json.is_object() || !json.contains("eos_token_id")) {
    return;
  }
  const nlohmann::json& eos = json["eos_token_id"];
  for (const nlohmann::json& id :
       eos.is_array() ? eos : nlohmann::json::array({eos})) {
    if (id.is_number_unsigned() &&
        std::find(
            spec.eos_tokens.begin(),
            spec.eos_tokens.end(),
            id.get<int64_t>()) == spec.eos_tokens.end()) {
      spec.eos_tokens.push_back(id.get<int64_t>());
    }
  }
}

/// The dtype of the first tensor, as transformers does with "auto".
std::string dtype_of_weights(const fs::path& folder) {
  std::error_code error;
  std::unique_ptr<TensorFile> file;
  if (fs::exists(folder / kSafetensorsFile, error)) {
    file = open_safetensors(folder / kSafetensorsFile);
  } else if (fs::exists(folder / kSafetensorsIndex, error)) {
    file = open_sharded_safetensors(folder / kSafetensorsIndex);
  }
  for (const auto& [name, info] :
       file ? file->tensors() : std::map<std::string, TensorInfo>()) {
    // A scale of FP8 weights says nothing about the model.
    if (name.find("_scale") != std::string::npos) {
      continue;
    }
    switch (info.type) {
      case StoredType::bf16:
        return "bf16";
      case StoredType::f16:
        return "fp16";
      case StoredType::f32:
        return "fp32";
      default:
        break;
    }
  }
  return "fp32";
}

ModelSpec read_folder(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  if (std::error_code error; !fs::exists(path, error)) {
    throw Failure(
        ExitCode::input,
        "model",
        "expected config.json in " + folder.string() +
            ", found none; model.path is a Hugging Face folder or a .gguf "
            "file");
  }
  ModelSpec spec = parse_hf_config(read_json(path), path.string());
  add_generation_eos(folder, spec);
  if (spec.stored_dtype.empty()) {
    spec.stored_dtype = dtype_of_weights(folder);
  }
  return spec;
}

} // namespace

ModelSpec read_model_spec(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    throw Failure(
        ExitCode::input,
        "model",
        "expected a Hugging Face folder or a .gguf file at " + path.string() +
            ", found nothing; check model.path");
  }
  if (fs::is_directory(status)) {
    return read_folder(path);
  }
  if (path.extension() != ".gguf") {
    throw Failure(
        ExitCode::input,
        "model",
        "expected a Hugging Face folder or a .gguf file, found " +
            path.string() +
            (path.extension() == ".safetensors"
                 ? "; give the folder that it lies in, with its config.json"
                 : ""));
  }
  return parse_hf_config(
      hf_config_of_gguf(*GgufFile::open(path)), path.string());
}

} // namespace octet
