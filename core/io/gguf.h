// GGUF files, versions 2 and 3, little-endian: metadata and tensors.
//
// Everything in a header is untrusted: counts and lengths are checked against
// the bytes that are left before anything is allocated for them.
// Format: ggml/docs/gguf.md
#pragma once

#include "core/io/input_file.h"
#include "core/io/tensor_file.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace octet {

/// A metadata array. It points into the header of its file, so a vocabulary
/// of 100,000 tokens costs no allocation per token; valid as long as the file.
class GgufArray {
 public:
  size_t size() const {
    return count_;
  }
  bool holds_strings() const;
  bool holds_integers() const;
  bool holds_reals() const;
  bool holds_booleans() const;

  /// Element `i`; booleans count as integers, integers as reals.
  /// @throws Failure(input) when the elements are of another kind
  std::string_view string(size_t i) const;
  int64_t integer(size_t i) const;
  double real(size_t i) const;

 private:
  friend class GgufHeader;
  friend class GgufFile;
  const std::string* header_ = nullptr;
  std::string key_;
  uint32_t type_ = 0;
  size_t count_ = 0;
  /// First byte of the elements, from the start of the file.
  size_t begin_ = 0;
  /// Of strings: where each one's length stands, from the start of the file.
  std::vector<uint32_t> offsets_;
};

/// Integers up to 2^63 - 1 are int64_t; larger ones are refused.
using GgufValue = std::variant<bool, int64_t, double, std::string, GgufArray>;

class GgufFile : public TensorFile {
 public:
  /// Reads the header; tensors are read when asked for.
  /// @throws Failure(input) naming the key or tensor that is wrong
  static std::shared_ptr<const GgufFile> open(
      const std::filesystem::path& path);

  const std::filesystem::path& path() const {
    return file_.path();
  }
  const std::map<std::string, GgufValue>& metadata() const {
    return metadata_;
  }

  /// The value of a key, or nothing when it is absent.
  /// @throws Failure(input) when it has another type (an integer counts as a
  /// real)
  std::optional<std::string> find_string(const std::string& key) const;
  std::optional<int64_t> find_integer(const std::string& key) const;
  std::optional<double> find_real(const std::string& key) const;
  std::optional<bool> find_boolean(const std::string& key) const;
  /// Null when absent.
  const GgufArray* find_array(const std::string& key) const;

  const std::map<std::string, TensorInfo>& tensors() const override {
    return tensors_;
  }
  using TensorFile::read;
  void read(const std::string& name, size_t offset, std::span<std::byte> out)
      const override;

 private:
  friend class GgufHeader;
  explicit GgufFile(const std::filesystem::path& path);

  InputFile file_;
  /// Metadata as stored, for the arrays.
  std::string header_;
  std::map<std::string, GgufValue> metadata_;
  std::map<std::string, TensorInfo> tensors_;
  /// Of each tensor, from the start of the file.
  std::map<std::string, size_t> offsets_;
};

} // namespace octet
