// Weights out of files, converted on the way: each thread reads a piece of the
// stored bytes, dequantizes it and puts it into its place, so the peak is the
// resulting tensor plus one small buffer a thread.
#include "core/model/weight_set.h"

#include "core/base/problems.h"
#include "core/io/gguf.h"
#include "core/io/raise_about.h"
#include "core/io/safetensors.h"
#include "core/io/stored_type.h"
#include "core/model/fp8_weights.h"
#include "core/model/weight_check.h"
#include "core/spec/architectures.h"
#include "core/spec/gguf_names.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace octet {

namespace fs = std::filesystem;

namespace {

// Small enough to stay in a core's cache between reading and writing.
constexpr int64_t kPieceElements = int64_t{1} << 15;

/// Buffers that a thread uses again for piece after piece.
struct Scratch {
  std::vector<std::byte> stored;
  std::vector<float> values;
};

struct StoredWeight {
  TensorInfo info;
  /// Heads whose rows llama.cpp has interleaved; 0 = rows in order.
  int64_t interleaved_heads = 0;
  /// Of FP8 values.
  std::optional<Fp8Scales> scales = std::nullopt;
};

/// The ATen type of values that need no dequantization.
std::optional<at::ScalarType> plain_type(StoredType type) {
  switch (type) {
    case StoredType::f64:
      return at::kDouble;
    case StoredType::f32:
      return at::kFloat;
    case StoredType::f16:
      return at::kHalf;
    case StoredType::bf16:
      return at::kBFloat16;
    default:
      return std::nullopt;
  }
}

/// Which row of a Hugging Face tensor a row of a GGUF tensor is. Per head of
/// size d, llama.cpp's row 2 i + j is Hugging Face's row i + j d/2: pairs that
/// rotate together stand side by side there, half a head apart here.
int64_t hf_row(int64_t row, int64_t head_size) {
  const int64_t in_head = row % head_size;
  return row - in_head + in_head / 2 + (in_head % 2) * (head_size / 2);
}

class FileWeights : public WeightSet {
 public:
  FileWeights(
      std::shared_ptr<const TensorFile> file,
      std::map<std::string, StoredWeight> weights,
      std::string origin,
      std::string summary)
      : file_(std::move(file)),
        weights_(std::move(weights)),
        origin_(std::move(origin)),
        summary_(std::move(summary)) {}

  std::string summary() const override {
    return summary_;
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, weight] : weights_) {
      names.push_back(name);
    }
    return names;
  }

  at::Tensor load(const std::string& name, at::ScalarType dtype)
      const override {
    const auto found = weights_.find(name);
    if (found == weights_.end()) {
      const std::string nearest = nearest_name(name, names());
      throw Failure(
          ExitCode::input,
          "model",
          "expected tensor " + name + " in " + origin_ + ", found none" +
              (nearest.empty() ? "" : "; the nearest is " + nearest));
    }
    const StoredWeight& weight = found->second;
    at::Tensor result =
        at::empty(weight.info.shape, at::TensorOptions().dtype(dtype));
    if (result.numel() == 0) {
      return result;
    }
    // Rows are whole blocks, so pieces are whole rows. Vectors are one row
    // unless their elements are rows of interleaved heads.
    const bool vector = weight.info.shape.size() < 2;
    const int64_t rows = vector
        ? (weight.interleaved_heads > 0 ? result.numel() : 1)
        : weight.info.shape.front();
    const at::Tensor out = result.view({rows, -1});
    const int64_t columns = out.size(1);
    const int64_t piece = std::max<int64_t>(1, kPieceElements / columns);
    at::parallel_for(
        0, (rows + piece - 1) / piece, 1, [&](int64_t begin, int64_t end) {
          Scratch scratch;
          for (int64_t i = begin; i < end; ++i) {
            const int64_t last = std::min((i + 1) * piece, rows);
            load_rows(weight, i * piece, last, out, scratch);
          }
        });
    return result;
  }

 private:
  /// Fills rows [begin, end) of the stored tensor into `out` [rows, columns].
  void load_rows(
      const StoredWeight& weight,
      int64_t begin,
      int64_t end,
      const at::Tensor& out,
      Scratch& scratch) const {
    const TensorInfo& info = weight.info;
    const size_t row_bytes = info.bytes / static_cast<size_t>(out.size(0));
    scratch.stored.resize(row_bytes * static_cast<size_t>(end - begin));
    file_->read(
        info.name, row_bytes * static_cast<size_t>(begin), scratch.stored);

    const std::vector<int64_t> shape = {end - begin, out.size(1)};
    at::Tensor source;
    if (const auto type = plain_type(info.type)) {
      source = at::from_blob(scratch.stored.data(), shape, *type);
    } else {
      scratch.values.resize(static_cast<size_t>(shape[0] * shape[1]));
      to_float(info.type, scratch.stored, scratch.values);
      if (weight.scales) {
        weight.scales->apply(begin, shape[1], scratch.values);
      }
      source = at::from_blob(scratch.values.data(), shape, at::kFloat);
    }
    if (weight.interleaved_heads == 0) {
      out.narrow(0, begin, end - begin).copy_(source);
      return;
    }
    const int64_t head_size = out.size(0) / weight.interleaved_heads;
    for (int64_t row = begin; row < end; ++row) {
      out.select(0, hf_row(row, head_size))
          .copy_(source.select(0, row - begin));
    }
  }

  std::shared_ptr<const TensorFile> file_;
  std::map<std::string, StoredWeight> weights_;
  std::string origin_, summary_;
};

std::unique_ptr<WeightSet> checked(
    std::shared_ptr<const TensorFile> file,
    std::map<std::string, StoredWeight> weights,
    const ModelSpec& spec,
    const fs::path& path,
    const std::string& summary) {
  TensorShapes shapes;
  Problems problems;
  for (const auto& [name, weight] : weights) {
    shapes[name] = weight.info.shape;
    if (!plain_type(weight.info.type) && !is_quantized(weight.info.type) &&
        !weight.scales) {
      problems.add(
          "expected fp64, fp32, fp16, bf16, fp8 with scales or GGUF blocks for "
          "tensor " +
          name + ", found " + traits(weight.info.type).name);
    }
  }
  check_weights(spec, shapes, path.string());
  raise_about(problems, "model", "cannot use the weights of " + path.string());
  return std::make_unique<FileWeights>(
      std::move(file), std::move(weights), path.string(), summary);
}

std::unique_ptr<WeightSet> open_gguf(
    const fs::path& path,
    const ModelSpec& spec) {
  const std::shared_ptr<const GgufFile> file = GgufFile::open(path);
  const Architecture* architecture = find_architecture(spec.architecture);
  std::map<std::string, StoredWeight> weights;
  for (const auto& [stored, info] : file->tensors()) {
    if (is_gguf_rope_table(stored)) {
      continue;
    }
    const std::string name = hf_name_of_gguf(stored).value_or(stored);
    StoredWeight weight{info};
    if (architecture && architecture->gguf_permutes_qk) {
      if (name.find(".self_attn.q_proj.") != std::string::npos) {
        weight.interleaved_heads = spec.heads;
      } else if (name.find(".self_attn.k_proj.") != std::string::npos) {
        weight.interleaved_heads = spec.kv_heads;
      }
    }
    weights.emplace(name, std::move(weight));
  }
  return checked(file, std::move(weights), spec, path, "");
}

[[noreturn]] void no_weights(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("pytorch_model") && name.find(".bin") != name.npos) {
      throw Failure(
          ExitCode::input,
          "model",
          "expected model.safetensors in " + folder.string() + ", found " +
              name +
              ", a pickle that could run code when opened; save the model "
              "again with transformers: "
              "AutoModelForCausalLM.from_pretrained(DIR)"
              ".save_pretrained(NEW_DIR)");
    }
  }
  throw Failure(
      ExitCode::input,
      "model",
      "expected model.safetensors or model.safetensors.index.json in " +
          folder.string() + ", found neither");
}

std::unique_ptr<WeightSet> open_folder(
    const fs::path& folder,
    const ModelSpec& spec) {
  std::shared_ptr<const TensorFile> file;
  if (fs::exists(folder / kSafetensorsFile)) {
    file = open_safetensors(folder / kSafetensorsFile);
  } else if (fs::exists(folder / kSafetensorsIndex)) {
    file = open_sharded_safetensors(folder / kSafetensorsIndex);
  } else {
    no_weights(folder);
  }
  std::map<std::string, TensorInfo> tensors = file->tensors();
  Problems problems;
  const Fp8Tensors fp8 = take_fp8_scales(*file, spec.fp8, tensors, problems);
  raise_about(
      problems, "model", "cannot use the FP8 weights of " + folder.string());
  std::map<std::string, StoredWeight> weights;
  for (const auto& [name, info] : tensors) {
    const auto scales = fp8.scales.find(name);
    weights[name] = {
        info,
        0,
        scales == fp8.scales.end() ? std::nullopt
                                   : std::optional(scales->second)};
  }
  return checked(file, std::move(weights), spec, folder, fp8.summary);
}

} // namespace

std::unique_ptr<WeightSet> open_weights(
    const fs::path& path,
    const ModelSpec& spec) {
  if (std::error_code error; !fs::exists(path, error)) {
    throw Failure(
        ExitCode::input,
        "model",
        "expected a Hugging Face folder or a .gguf file at " + path.string() +
            ", found nothing; check model.path");
  }
  return fs::is_directory(path) ? open_folder(path, spec)
                                : open_gguf(path, spec);
}

} // namespace octet
