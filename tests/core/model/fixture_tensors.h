// Reads the safetensors fixtures of tests into ATen tensors.
#pragma once

#include "core/io/safetensors.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/TensorOperators.h>

#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <string>

namespace octet::testing {

inline std::filesystem::path model_fixture(const std::string& name) {
  return std::filesystem::path(OCTET_SOURCE_DIR) / "tests/fixtures/models" /
      name;
}

inline at::ScalarType scalar_type(StoredType type) {
  switch (type) {
    case StoredType::f64:
      return at::kDouble;
    case StoredType::f32:
      return at::kFloat;
    case StoredType::i64:
      return at::kLong;
    default:
      throw std::runtime_error("a fixture has fp32, fp64 or int64 tensors");
  }
}

inline std::map<std::string, at::Tensor> read_tensors(
    const std::filesystem::path& path) {
  std::map<std::string, at::Tensor> tensors;
  const auto file = open_safetensors(path);
  for (const auto& [name, info] : file->tensors()) {
    at::Tensor tensor = at::empty(info.shape, scalar_type(info.type));
    file->read(
        name,
        std::as_writable_bytes(std::span(
            static_cast<std::byte*>(tensor.mutable_data_ptr()), info.bytes)));
    tensors[name] = tensor;
  }
  return tensors;
}

} // namespace octet::testing
