// Tensors in a file, without LibTorch: names, dtypes, shapes, bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace octet {

enum class StoredType {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u8,
  boolean,
  f8_e4m3,
  f8_e5m2,
  // GGUF blocks
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q4_k,
  q5_k,
  q6_k
};

struct TensorInfo {
  std::string name;
  StoredType type = StoredType::f32;
  /// Row-major, outermost first (GGUF's order is turned round).
  std::vector<int64_t> shape;
  size_t bytes = 0;
};

/// A checkpoint opened for reading: one safetensors file, a sharded set, or a
/// GGUF file under its own tensor names. Reads go through pread, so a file's
/// pages do not stay in the process; they may come from several threads.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  /// Sorted by name.
  virtual const std::map<std::string, TensorInfo>& tensors() const = 0;
  /// Copies stored bytes of a tensor, from byte `offset` of it on.
  /// @param out within the tensor: offset + out.size() <= info.bytes
  /// @throws Failure(input) when the name is missing or the file got shorter
  virtual void read(
      const std::string& name,
      size_t offset,
      std::span<std::byte> out) const = 0;
  /// Copies a whole tensor. @param out exactly info.bytes long
  void read(const std::string& name, std::span<std::byte> out) const {
    read(name, 0, out);
  }
};

} // namespace octet
