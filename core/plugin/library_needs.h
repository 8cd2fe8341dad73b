// What a shared library asks the loader for, out of its dynamic section
// (System V ABI, chapter 5; ld.so(8)). Nothing is loaded.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

struct LibraryNeeds {
  /// DT_NEEDED: names, or paths when there is a slash in them.
  std::vector<std::string> needed;
  /// DT_RUNPATH and DT_RPATH, absolute, with $ORIGIN replaced.
  std::vector<std::string> runpath, rpath;
};

/// @throws Failure(resolution) that says what is wrong with the file
LibraryNeeds read_library_needs(const std::filesystem::path& file);

} // namespace octet
