// Tensors to bytes and back.
#include "core/train/state_file.h"

#include "core/base/problems.h"
#include "core/io/safetensors.h"

#include <ATen/ops/empty.h>

#include <array>

namespace octet {
namespace {

constexpr std::array<std::pair<at::ScalarType, StoredType>, 9> kTypes = {
    {{at::kFloat, StoredType::f32},
     {at::kDouble, StoredType::f64},
     {at::kHalf, StoredType::f16},
     {at::kBFloat16, StoredType::bf16},
     {at::kLong, StoredType::i64},
     {at::kInt, StoredType::i32},
     {at::kShort, StoredType::i16},
     {at::kChar, StoredType::i8},
     {at::kByte, StoredType::u8}}};

StoredType stored_type(const std::string& name, at::ScalarType type) {
  for (const auto& [tensor, stored] : kTypes) {
    if (tensor == type) {
      return stored;
    }
  }
  throw Failure(
      ExitCode::failed,
      "checkpoint",
      "tensor " + name + " has dtype " + c10::toString(type) +
          ", which a checkpoint cannot hold; keep it in fp32 or integers");
}

at::ScalarType scalar_type(
    const std::filesystem::path& path,
    const TensorInfo& info) {
  for (const auto& [tensor, stored] : kTypes) {
    if (stored == info.type) {
      return tensor;
    }
  }
  throw Failure(
      ExitCode::input,
      "checkpoint",
      path.string() + ": tensor " + info.name +
          " has a dtype that no checkpoint has; the file was not written by "
          "this program");
}

} // namespace

void write_state_file(const std::filesystem::path& path, const State& state) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : state) {
    infos.push_back(
        {name,
         stored_type(name, tensor.scalar_type()),
         tensor.sizes().vec(),
         static_cast<size_t>(tensor.nbytes())});
  }
  SafetensorsWriter writer(path, infos, {{"format", "pt"}});
  for (const auto& [name, tensor] : state) {
    const at::Tensor values = tensor.cpu().contiguous();
    const auto* bytes = static_cast<const std::byte*>(values.const_data_ptr());
    writer.write(name, {bytes, static_cast<size_t>(values.nbytes())});
  }
  writer.commit();
}

State read_state_file(const std::filesystem::path& path) {
  const auto file = open_safetensors(path);
  State state;
  for (const auto& [name, info] : file->tensors()) {
    at::Tensor tensor = at::empty(info.shape, scalar_type(path, info));
    auto* bytes = static_cast<std::byte*>(tensor.mutable_data_ptr());
    file->read(name, {bytes, info.bytes});
    state.emplace_back(name, tensor);
  }
  return state;
}

} // namespace octet
