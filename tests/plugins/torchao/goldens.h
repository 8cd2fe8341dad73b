// Reads tests/fixtures/torchao: what Python's torchao computed.
#pragma once

#include "core/io/safetensors.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/TensorOperators.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <span>
#include <stdexcept>
#include <string>

namespace octet::torchao::testing {

inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(OCTET_SOURCE_DIR) / "tests/fixtures/torchao" /
      name;
}

inline nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

inline at::ScalarType scalar_type(StoredType type) {
  switch (type) {
    case StoredType::f32:
      return at::kFloat;
    case StoredType::bf16:
      return at::kBFloat16;
    case StoredType::u8:
      return at::kByte;
    default:
      throw std::runtime_error("the goldens have fp32, bf16 and bytes");
  }
}

/// All tensors of goldens.safetensors.
inline const std::map<std::string, at::Tensor>& goldens() {
  static const auto& tensors = *new auto([] {
    std::map<std::string, at::Tensor> read;
    const auto file = open_safetensors(fixture("goldens.safetensors"));
    for (const auto& [name, info] : file->tensors()) {
      at::Tensor tensor = at::empty(info.shape, scalar_type(info.type));
      file->read(
          name,
          std::as_writable_bytes(std::span(
              static_cast<std::byte*>(tensor.mutable_data_ptr()), info.bytes)));
      read[name] = tensor;
    }
    return read;
  }());
  return tensors;
}

/// Leading dimensions flattened, as torchao does before its products.
inline at::Tensor flat(const at::Tensor& tensor) {
  return tensor.dim() > 2 ? tensor.reshape({-1, tensor.size(-1)}) : tensor;
}

/// Elements that differ: in bits, except that any NaN equals any other.
inline int64_t different(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor both_nan = (a != a).logical_and(b != b);
  // == calls 0 and -0 equal; their signs are bits too.
  const at::Tensor same = (a == b).logical_and(a.signbit() == b.signbit());
  return same.logical_or(both_nan).logical_not().sum().item<int64_t>();
}

/// 20 log10(|expected| / |expected - found|) over the finite elements, or
/// minus infinity when other elements are infinite or NaN than expected.
/// @param overflows whether sums exceed fp32: their order then decides whether
/// infinities of both signs meet, so any element that is not finite will do
inline double
sqnr(const at::Tensor& found, const at::Tensor& expected, bool overflows) {
  const at::Tensor f = found.to(at::kDouble), e = expected.to(at::kDouble);
  const at::Tensor finite = at::isfinite(e);
  const at::Tensor alike = overflows
      ? at::isfinite(f).logical_not()
      : (f == e).logical_or((f != f).logical_and(e != e));
  if (!at::where(finite, at::isfinite(f), alike).all().item<bool>()) {
    return -std::numeric_limits<double>::infinity();
  }
  const at::Tensor wanted = e.masked_select(finite);
  const double noise = (wanted - f.masked_select(finite)).norm().item<double>();
  return noise == 0 ? std::numeric_limits<double>::infinity()
                    : 20 * std::log10(wanted.norm().item<double>() / noise);
}

} // namespace octet::torchao::testing
