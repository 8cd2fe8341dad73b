// Writes GGUF files byte by byte, right ones and wrong ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace octet::testing {

class GgufBuilder {
 public:
  GgufBuilder& version(uint32_t version) {
    version_ = version;
    return *this;
  }
  /// What the header claims instead of the truth.
  GgufBuilder& counts(uint64_t tensors, uint64_t metadata) {
    claimed_tensors_ = tensors;
    claimed_metadata_ = metadata;
    return *this;
  }
  GgufBuilder& integer(const std::string& key, uint32_t value) {
    return raw_key(key, 4).u32(value);
  }
  GgufBuilder& real(const std::string& key, float value) {
    raw_key(key, 6);
    metadata_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  GgufBuilder& string(const std::string& key, const std::string& value) {
    return raw_key(key, 8).u64(value.size()).bytes(value);
  }
  /// A key whose value follows through u32, u64 and bytes.
  GgufBuilder& raw_key(const std::string& key, uint32_t type) {
    ++metadata_count_;
    return u64(key.size()).bytes(key).u32(type);
  }
  GgufBuilder& u32(uint32_t value) {
    metadata_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  GgufBuilder& u64(uint64_t value) {
    metadata_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  GgufBuilder& bytes(const std::string& value) {
    metadata_ += value;
    return *this;
  }

  /// A tensor of zeros behind the ones before. @param dims innermost first
  GgufBuilder& tensor(
      const std::string& name,
      std::vector<uint64_t> dims,
      uint32_t type = 0) {
    const uint64_t at = data_.size();
    tensor_at(name, dims, at, type);
    return *this;
  }
  GgufBuilder& tensor_at(
      const std::string& name,
      const std::vector<uint64_t>& dims,
      uint64_t offset,
      uint32_t type = 0) {
    ++tensor_count_;
    uint64_t elements = 1;
    append(tensors_, name.size());
    tensors_ += name;
    append(tensors_, static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) {
      append(tensors_, dim);
      elements *= dim;
    }
    append(tensors_, type);
    append(tensors_, offset);
    if (elements < 100'000) {
      data_.append(elements * 4, '\0');
    }
    return *this;
  }

  std::string text() const {
    std::string text = "GGUF";
    append(text, version_);
    append(text, claimed_tensors_.value_or(tensor_count_));
    append(text, claimed_metadata_.value_or(metadata_count_));
    text += metadata_ + tensors_;
    text.append((32 - text.size() % 32) % 32, '\0');
    return text + data_;
  }

 private:
  template <typename T>
  static void append(std::string& text, T value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }

  uint32_t version_ = 3;
  std::optional<uint64_t> claimed_tensors_, claimed_metadata_;
  uint64_t tensor_count_ = 0, metadata_count_ = 0;
  std::string metadata_, tensors_, data_;
};

} // namespace octet::testing
