// Environment variables are looked at only to find where packages are
// installed, as pip and conda set them; none of them chooses what runs.
#include "places.h"

#include <algorithm>
#include <cstdlib>

namespace octet::te {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "libtransformer_engine.so";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The site-packages (or Debian's dist-packages) of each Python 3 in a prefix,
/// newest first.
void add_pythons(const fs::path& lib, std::vector<fs::path>& folders) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(lib, error)) {
    if (entry.path().filename().string().rfind("python3", 0) != 0) {
      continue;
    }
    for (const char* name : {"site-packages", "dist-packages"}) {
      if (fs::is_directory(entry.path() / name, error)) {
        found.push_back(entry.path() / name);
      }
    }
  }
  // "python3.9" before "python3.12" by length, then by text.
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    const std::string x = a.string(), y = b.string();
    return x.size() != y.size() ? x.size() > y.size() : x > y;
  });
  folders.insert(folders.end(), found.begin(), found.end());
}

/// The site-packages folder of a library that lies in one; else its folder.
fs::path site_of(const fs::path& library) {
  const fs::path folder = library.parent_path();
  if (folder.filename() == "wheel_lib") {
    return folder.parent_path().parent_path();
  }
  return folder.filename() == "transformer_engine" ? folder.parent_path()
                                                   : folder;
}

} // namespace

std::vector<fs::path> site_package_folders() {
  std::vector<fs::path> folders;
  for (const char* prefix : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const std::string root = variable(prefix); !root.empty()) {
      add_pythons(fs::path(root) / "lib", folders);
    }
  }
  const std::string home = variable("HOME");
  std::string cache = variable("XDG_CACHE_HOME");
  if (cache.empty() || cache.front() != '/') {
    cache = home.empty() ? "" : home + "/.cache";
  }
  std::error_code error;
  if (const fs::path own = fs::path(cache) / "octet" / "transformer-engine";
      !cache.empty() && fs::is_directory(own, error)) {
    folders.push_back(own);
  }
  if (!home.empty()) {
    add_pythons(fs::path(home) / ".local/lib", folders);
  }
  for (const char* lib : {"/usr/local/lib", "/usr/lib"}) {
    add_pythons(lib, folders);
  }
  return folders;
}

fs::path library_in(const fs::path& site) {
  std::error_code error;
  for (const char* folder :
       {"transformer_engine/wheel_lib", "transformer_engine", "."}) {
    const fs::path file = site / folder / kFile;
    if (fs::is_regular_file(file, error)) {
      return file.lexically_normal();
    }
  }
  return {};
}

std::vector<fs::path> companion_folders(const fs::path& library) {
  std::vector<fs::path> folders = {library.parent_path()};
  std::error_code error;
  for (const auto& entry :
       fs::directory_iterator(site_of(library) / "nvidia", error)) {
    if (fs::is_directory(entry.path() / "lib", error)) {
      folders.push_back(entry.path() / "lib");
    }
  }
  std::sort(folders.begin() + 1, folders.end());
  return folders;
}

std::string wheel_version(const fs::path& library) {
  const std::string ending = ".dist-info";
  std::string of_source_build;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(site_of(library), error)) {
    // transformer_engine_cu13-2.20.2.dist-info
    const std::string name = entry.path().filename();
    const size_t dash = name.find('-');
    if (dash == std::string::npos || !name.ends_with(ending)) {
      continue;
    }
    const std::string package = name.substr(0, dash);
    const std::string version =
        name.substr(dash + 1, name.size() - ending.size() - dash - 1);
    if (package.starts_with("transformer_engine_cu")) {
      return version;
    }
    if (package == "transformer_engine") {
      of_source_build = version;
    }
  }
  return of_source_build;
}

} // namespace octet::te
