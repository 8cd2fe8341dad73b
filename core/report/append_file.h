// A file that only grows: event logs. A write reaches the kernel before the
// call returns, so a crash of the program loses nothing that was written.
#pragma once

#include <filesystem>
#include <string_view>

namespace octet {

class AppendFile {
 public:
  /// Opens or creates `path` for appending.
  /// @throws Failure(failed) with the reason of the system
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Writes all of `bytes`.
  /// @throws Failure(failed) that names the file: disk full, ...
  void write(std::string_view bytes);
  /// Whether the file ends in the middle of a line, as after a crash.
  bool ends_mid_line() const;

  const std::filesystem::path& path() const {
    return path_;
  }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

} // namespace octet
