// See the header.
#include "sdk/conformance/file_state.h"

#include <sys/stat.h>

#include <fmt/format.h>

#include <vector>

namespace octet::conformance {
namespace {

namespace fs = std::filesystem;

FileMark mark_of(const fs::path& file) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0 || S_ISDIR(status.st_mode)) {
    return {};
  }
  return {
      status.st_ino,
      static_cast<uint64_t>(status.st_size),
      status.st_ctim.tv_sec,
      status.st_ctim.tv_nsec};
}

template <class Entries>
FileState marks_of(const fs::path& folder, Entries entries) {
  FileState state;
  for (const fs::directory_entry& entry : entries) {
    state[entry.path().lexically_relative(folder)] = mark_of(entry.path());
  }
  return state;
}

} // namespace

FileState files_in(const fs::path& folder, bool deep) {
  return deep ? marks_of(folder, fs::recursive_directory_iterator(folder))
              : marks_of(folder, fs::directory_iterator(folder));
}

std::string file_changes(
    const FileState& before,
    const FileState& after,
    const std::string& prefix) {
  std::vector<std::string> written, changed, removed;
  for (const auto& [name, mark] : after) {
    const auto known = before.find(name);
    if (known == before.end()) {
      written.push_back(prefix + name);
    } else if (known->second != mark) {
      changed.push_back(prefix + name);
    }
  }
  for (const auto& [name, mark] : before) {
    if (!after.contains(name)) {
      removed.push_back(prefix + name);
    }
  }
  std::string text;
  for (const auto& [verb, names] :
       {std::pair("wrote", written),
        std::pair("changed", changed),
        std::pair("removed", removed)}) {
    if (!names.empty()) {
      text += fmt::format(
          "{}{} {}", text.empty() ? "" : "; ", verb, fmt::join(names, ", "));
    }
  }
  return text;
}

} // namespace octet::conformance
