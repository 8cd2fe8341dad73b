// Whether the loader would find every library that a plugin needs, decided from
// files alone, so that what is missing is named before anything is loaded.
#pragma once

#include "core/plugin/library_needs.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace octet {

struct LibraryCheck {
  /// "libfoo.so.1", or "libbar.so.2 (for libfoo.so.1)" for a library of a
  /// library.
  std::vector<std::string> missing;
  /// Where they were looked for.
  std::vector<std::string> folders;
  /// Whether it needs a library that comes with the training library, such as
  /// LibTorch: then that one has to be opened first.
  bool needs_libtorch = false;
  /// Those found in the plugin's own search path or in LD_LIBRARY_PATH, which
  /// are loaded with it.
  std::vector<std::filesystem::path> own;

  /// One sentence about what is missing, "" when nothing is.
  std::string problem() const;
};

/// Looks where ld.so(8) looks: libraries that the trainer has loaded before a
/// plugin, RPATH, LD_LIBRARY_PATH, RUNPATH, the loader's cache, the system's
/// folders. Files that the training library lies beside or names in its RUNPATH
/// (LibTorch's folder) count as found. Remembers what it looked up.
class LibrarySearch {
 public:
  /// @param training_library liboctet_train.so; it need not be there
  explicit LibrarySearch(std::filesystem::path training_library);

  /// @throws Failure(resolution) for a file that is no library
  LibraryCheck check(const std::filesystem::path& file);

 private:
  using Path = std::optional<std::filesystem::path>;

  void prepare();
  std::vector<std::string> walk(
      const std::filesystem::path& file,
      const std::set<std::string>& loaded,
      std::set<std::string>& visited,
      std::vector<std::filesystem::path>& own);
  Path find(const std::string& name, const LibraryNeeds& asker);
  Path find_in_system(const std::string& name);
  const LibraryNeeds& needs_of(const std::filesystem::path& file);

  std::filesystem::path training_library_;
  bool prepared_ = false;
  std::vector<std::string> environment_, system_, trainer_;
  std::unordered_map<std::string, std::string> cache_;
  /// Names that are loaded before any plugin: now, and once the training
  /// library is open.
  std::set<std::string> loaded_, loaded_for_training_;
  std::map<std::string, Path> found_;
  std::map<std::filesystem::path, LibraryNeeds> needs_;
};

} // namespace octet
