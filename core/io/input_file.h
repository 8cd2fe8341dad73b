// A regular file opened for reading at any place, from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace octet {

class InputFile {
 public:
  /// @param component names the format in messages: "safetensors", "gguf"
  /// @throws Failure(input) for a missing, unreadable or non-regular file
  InputFile(std::filesystem::path path, std::string component);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const {
    return path_;
  }
  /// Bytes when it was opened.
  size_t size() const {
    return size_;
  }
  /// Fills `out` from byte `offset` of the file on.
  /// @throws Failure(input) on a read error or when the file ends before
  void read(size_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  std::string component_;
  int fd_ = -1;
  size_t size_ = 0;
};

/// The whole text of a small file.
/// @throws Failure(input) as above, or when it is larger than `limit` bytes
std::string read_text_file(
    const std::filesystem::path& path,
    const std::string& component,
    size_t limit = size_t{1} << 30);

} // namespace octet
