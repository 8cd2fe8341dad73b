// Writing and reading of result folders.
#include "core/train/result_folder.h"

#include "core/base/problems.h"
#include "core/io/atomic_file.h"
#include "core/io/safetensors.h"
#include "core/train/state_file.h"

#include <fstream>
#include <sstream>

namespace octet {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr char kAdapterConfig[] = "adapter_config.json";
constexpr char kAdapterTensors[] = "adapter_model.safetensors";

/// Names of one dtype: ours, Hugging Face's, safetensors'.
struct Dtype {
  const char* name;
  const char* hugging_face;
  at::ScalarType scalar;
  StoredType stored;
};
constexpr Dtype kDtypes[] = {
    {"fp32", "float32", at::kFloat, StoredType::f32},
    {"bf16", "bfloat16", at::kBFloat16, StoredType::bf16},
    {"fp16", "float16", at::kHalf, StoredType::f16}};

const Dtype& dtype_of(at::ScalarType scalar) {
  for (const Dtype& dtype : kDtypes) {
    if (dtype.scalar == scalar) {
      return dtype;
    }
  }
  throw Failure(
      ExitCode::usage,
      "export",
      std::string("expected an export dtype of fp32, bf16 or fp16, got ") +
          c10::toString(scalar));
}

json generation_config(const ModelSpec& spec) {
  json config = {{"_from_model_config", true}};
  if (spec.bos_token) {
    config["bos_token_id"] = *spec.bos_token;
  }
  if (spec.pad_token) {
    config["pad_token_id"] = *spec.pad_token;
  }
  if (spec.eos_tokens.size() == 1) {
    config["eos_token_id"] = spec.eos_tokens.front();
  } else if (!spec.eos_tokens.empty()) {
    config["eos_token_id"] = spec.eos_tokens;
  }
  return config;
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Failure(
        ExitCode::input,
        "adapter",
        "expected " + path.string() +
            ", found no such file; give the folder of a trained adapter");
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

} // namespace

at::ScalarType export_dtype(const std::string& name, const ModelSpec& spec) {
  const std::string wanted = name == "auto" ? spec.stored_dtype : name;
  for (const Dtype& dtype : kDtypes) {
    if (wanted == dtype.name) {
      return dtype.scalar;
    }
  }
  throw Failure(
      ExitCode::usage,
      "export",
      "expected a dtype of auto, fp32, bf16 or fp16, got \"" + wanted + "\"");
}

void write_model_files(
    const fs::path& folder,
    const Decoder& decoder,
    at::ScalarType dtype,
    bool merge_adapters) {
  const ModelSpec& spec = decoder.spec();
  const Dtype& names = dtype_of(dtype);
  std::vector<TensorInfo> layout;
  for (const auto& [name, shape] : spec.tensors()) {
    layout.push_back({name, names.stored, shape, 0});
  }
  ShardedSafetensorsWriter writer(folder, layout, {{"format", "pt"}});
  decoder.export_tensors(
      merge_adapters, [&](const std::string& name, const at::Tensor& tensor) {
        const at::Tensor values = tensor.to(dtype).cpu().contiguous();
        const auto* bytes =
            static_cast<const std::byte*>(values.const_data_ptr());
        writer.write(name, {bytes, static_cast<size_t>(values.nbytes())});
      });
  writer.commit();
  json config = spec.hf_config;
  // The first is read by transformers up to 4, the second from 5 on.
  config["torch_dtype"] = config["dtype"] = names.hugging_face;
  write_file_atomically(folder / "config.json", config.dump(2) + "\n");
  write_file_atomically(
      folder / "generation_config.json",
      generation_config(spec).dump(2) + "\n");
}

void write_adapter_files(const fs::path& folder, const AdapterFiles& files) {
  State tensors;
  for (const auto& [name, tensor] : files.tensors) {
    tensors.emplace_back(name, tensor);
  }
  write_state_file(folder / kAdapterTensors, tensors);
  write_file_atomically(folder / kAdapterConfig, files.config_json);
}

void write_tokenizer_files(const fs::path& folder, const Tokenizer& tokenizer) {
  write_file_atomically(folder / "tokenizer.json", tokenizer.tokenizer_json());
  write_file_atomically(
      folder / "tokenizer_config.json", tokenizer.tokenizer_config_json());
  if (!tokenizer.chat_template().empty()) {
    write_file_atomically(
        folder / "chat_template.jinja", tokenizer.chat_template());
  }
}

AdapterFiles read_adapter_files(const fs::path& folder) {
  AdapterFiles files;
  files.config_json = read_text(folder / kAdapterConfig);
  for (auto& [name, tensor] : read_state_file(folder / kAdapterTensors)) {
    files.tensors[name] = tensor;
  }
  return files;
}

bool is_adapter_folder(const fs::path& folder) {
  return fs::exists(folder / kAdapterConfig);
}

} // namespace octet
