#include "core/model/export.h"

#include "core/base/problems.h"
#include "core/io/atomic_file.h"
#include "core/io/input_file.h"
#include "core/io/safetensors.h"
#include "core/io/stored_type.h"

#include <ATen/ops/empty.h>

#include <cstring>

namespace octet {

namespace fs = std::filesystem;

namespace {

const std::map<std::string, std::string> kMetadata = {{"format", "pt"}};

StoredType stored_type(const std::string& name, at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return StoredType::f64;
    case at::kFloat:
      return StoredType::f32;
    case at::kHalf:
      return StoredType::f16;
    case at::kBFloat16:
      return StoredType::bf16;
    default:
      throw Failure(
          ExitCode::failed,
          "export",
          "expected a tensor of real numbers for " + name + ", got " +
              c10::toString(dtype));
  }
}

/// The bytes of a contiguous CPU tensor.
std::span<const std::byte> bytes_of(const at::Tensor& tensor) {
  return {
      static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
}

at::Tensor as_written(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.detach().to(at::kCPU, dtype).contiguous();
}

const char* torch_name(at::ScalarType dtype) {
  return dtype == at::kFloat ? "float32"
      : dtype == at::kHalf   ? "float16"
                             : "bfloat16";
}

std::string config_text(const HfFolder& contents) {
  nlohmann::json config = contents.spec.hf_config;
  config["architectures"] = nlohmann::json::array({contents.spec.architecture});
  config["model_type"] = contents.spec.model_type;
  config["tie_word_embeddings"] = contents.spec.tied_embeddings;
  // transformers 5 writes "dtype" and reads both; before 4.56 there was only
  // "torch_dtype". One key, so that two cannot disagree.
  const char* key = config.contains("dtype") ? "dtype" : "torch_dtype";
  config.erase("torch_dtype");
  config[key] = torch_name(contents.dtype);
  return config.dump(2) + "\n";
}

std::string generation_text(const HfFolder& contents) {
  if (!contents.generation_config_json.empty()) {
    return contents.generation_config_json;
  }
  const ModelSpec& spec = contents.spec;
  nlohmann::json config = {{"_from_model_config", true}};
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
  return config.dump(2) + "\n";
}

} // namespace

void write_hf_folder(
    const fs::path& folder,
    const HfFolder& contents,
    const TensorProducer& produce) {
  const auto shapes = contents.spec.tensors();
  std::vector<TensorInfo> infos;
  for (const auto& [name, shape] : shapes) {
    infos.push_back({name, stored_type(name, contents.dtype), shape, 0});
  }
  AtomicFolder made(folder);
  ShardedSafetensorsWriter writer(made.temporary(), infos, kMetadata);
  produce([&](const std::string& name, const at::Tensor& tensor) {
    const auto shape = shapes.find(name);
    if (shape == shapes.end() || tensor.sizes() != shape->second) {
      throw Failure(
          ExitCode::failed,
          "export",
          "expected the tensors of " + contents.spec.architecture + ", got " +
              name + " of shape " + shape_text(tensor.sizes().vec()) +
              (shape == shapes.end()
                   ? ", which is none of them"
                   : " instead of " + shape_text(shape->second)));
    }
    writer.write(name, bytes_of(as_written(tensor, contents.dtype)));
  });
  writer.commit();
  const std::pair<const char*, std::string> files[] = {
      {"config.json", config_text(contents)},
      {"generation_config.json", generation_text(contents)},
      {"tokenizer.json", contents.tokenizer_json},
      {"tokenizer_config.json", contents.tokenizer_config_json},
      {"chat_template.jinja", contents.chat_template}};
  for (const auto& [name, text] : files) {
    if (!text.empty()) {
      write_file_atomically(made.temporary() / name, text);
    }
  }
  made.commit();
}

void write_adapter_folder(
    const fs::path& folder,
    const AdapterFiles& adapter,
    const std::map<std::string, std::string>& extra) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : adapter.tensors) {
    infos.push_back(
        {name,
         stored_type(name, tensor.scalar_type()),
         tensor.sizes().vec(),
         0});
  }
  AtomicFolder made(folder);
  SafetensorsWriter writer(
      made.temporary() / "adapter_model.safetensors", infos, kMetadata);
  for (const auto& [name, tensor] : adapter.tensors) {
    writer.write(name, bytes_of(as_written(tensor, tensor.scalar_type())));
  }
  writer.commit();
  write_file_atomically(
      made.temporary() / "adapter_config.json", adapter.config_json);
  for (const auto& [name, text] : extra) {
    write_file_atomically(made.temporary() / name, text);
  }
  made.commit();
}

AdapterFiles read_adapter_folder(const fs::path& folder) {
  AdapterFiles adapter;
  adapter.config_json =
      read_text_file(folder / "adapter_config.json", "adapter");
  const auto file = open_safetensors(folder / "adapter_model.safetensors");
  for (const auto& [name, info] : file->tensors()) {
    at::ScalarType dtype = at::kFloat;
    switch (info.type) {
      case StoredType::f32:
        break;
      case StoredType::f16:
        dtype = at::kHalf;
        break;
      case StoredType::bf16:
        dtype = at::kBFloat16;
        break;
      default:
        throw Failure(
            ExitCode::input,
            "adapter",
            "expected fp32, fp16 or bf16 for tensor " + name + " of " +
                folder.string() + ", found " + traits(info.type).name);
    }
    at::Tensor tensor = at::empty(info.shape, at::TensorOptions().dtype(dtype));
    file->read(
        name, {static_cast<std::byte*>(tensor.mutable_data_ptr()), info.bytes});
    adapter.tensors[name] = std::move(tensor);
  }
  return adapter;
}

at::ScalarType export_dtype(const std::string& word, const ModelSpec& spec) {
  const std::string& name = word == "auto" ? spec.stored_dtype : word;
  if (name == "fp32") {
    return at::kFloat;
  }
  if (name == "bf16") {
    return at::kBFloat16;
  }
  if (name == "fp16") {
    return at::kHalf;
  }
  throw Failure(
      ExitCode::usage,
      "export",
      "expected dtype auto, fp32, bf16 or fp16, got \"" + word + "\"");
}

} // namespace octet
