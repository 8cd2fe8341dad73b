// What lies in a folder, so that a second look shows what was written, changed
// or removed in between.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace octet::conformance {

/// All that a write changes; zero for a folder, whose entries count by
/// themselves. The time of the last change of the inode cannot be set back.
struct FileMark {
  uint64_t inode = 0, size = 0;
  int64_t change_seconds = 0, change_nanoseconds = 0;

  bool operator==(const FileMark&) const = default;
};

/// By path, relative to the folder.
using FileState = std::map<std::string, FileMark>;

/// @param deep also what lies in the folders inside
FileState files_in(const std::filesystem::path& folder, bool deep);

/// "wrote a, b; changed c; removed d", or "".
/// @param prefix of each path
std::string file_changes(
    const FileState& before,
    const FileState& after,
    const std::string& prefix = "");

} // namespace octet::conformance
