// The order of ld.so(8). Where the loader's choice depends on things that a
// file does not tell, "found" is the answer: a wrong "missing" would refuse a
// good plugin, a wrong "found" is told by the loader a moment later.
#include "core/plugin/library_search.h"

#include "core/base/problems.h"
#include "core/plugin/elf_file.h"
#include "core/plugin/loader_cache.h"

#include <link.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstdlib>

namespace octet {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSystemFolders[] = {
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib"};
constexpr const char* kVariants[] = {
    "",
    "glibc-hwcaps/x86-64-v2",
    "glibc-hwcaps/x86-64-v3",
    "glibc-hwcaps/x86-64-v4"};

// The loader passes over files of another class or machine, and so does this.
bool is_library(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return false;
  }
  try {
    const ElfFile file(path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// Such a name is opened as it stands.
bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos;
}

std::optional<fs::path> find_in(
    const std::vector<std::string>& folders,
    const std::string& name) {
  for (const std::string& folder : folders) {
    for (const char* variant : kVariants) {
      const fs::path path = fs::path(folder) / variant / name;
      if (is_library(path)) {
        return path;
      }
    }
  }
  return std::nullopt;
}

std::vector<std::string> environment_folders() {
  std::vector<std::string> folders;
  const char* variable = std::getenv("LD_LIBRARY_PATH");
  if (variable == nullptr || ::getauxval(AT_SECURE) != 0) {
    return folders;
  }
  std::string rest = std::string(variable) + ":";
  for (size_t end = rest.find_first_of(":;"); end != std::string::npos;
       end = rest.find_first_of(":;")) {
    const std::string folder = rest.substr(0, end);
    if (!folder.empty()) {
      folders.push_back(folder);
    }
    rest.erase(0, end + 1);
  }
  return folders;
}

// Debian's /lib is a link to /usr/lib: each folder once, as it really is.
std::vector<std::string> system_folders() {
  std::vector<std::string> folders;
  for (const char* folder : kSystemFolders) {
    std::error_code error;
    const std::string real = fs::canonical(folder, error).string();
    if (!error &&
        std::find(folders.begin(), folders.end(), real) == folders.end()) {
      folders.push_back(real);
    }
  }
  return folders;
}

int add_name(dl_phdr_info* info, size_t, void* names) {
  const std::string path = info->dlpi_name != nullptr ? info->dlpi_name : "";
  static_cast<std::set<std::string>*>(names)->insert(
      path.substr(path.rfind('/') + 1));
  return 0;
}

void append(
    std::vector<std::string>& to,
    const std::vector<std::string>& from) {
  for (const std::string& item : from) {
    if (std::find(to.begin(), to.end(), item) == to.end()) {
      to.push_back(item);
    }
  }
}

} // namespace

std::string LibraryCheck::problem() const {
  if (missing.empty()) {
    return "";
  }
  return "needs " + join_names(missing) + ", found in none of " +
      join_names(folders) + "; install " +
      (missing.size() == 1 ? "it" : "them") + ", or put " +
      (missing.size() == 1 ? "it" : "them") + " beside the plugin";
}

LibrarySearch::LibrarySearch(fs::path training_library)
    : training_library_(std::move(training_library)) {}

void LibrarySearch::prepare() {
  if (prepared_) {
    return;
  }
  prepared_ = true;
  environment_ = environment_folders();
  system_ = system_folders();
  cache_ = read_loader_cache();
  ::dl_iterate_phdr(add_name, &loaded_);
  if (!is_library(training_library_)) {
    return;
  }
  try {
    trainer_ = {training_library_.parent_path().string()};
    append(trainer_, needs_of(training_library_).runpath);
    append(trainer_, needs_of(training_library_).rpath);
    std::vector<fs::path> own;
    walk(training_library_, {}, loaded_for_training_, own);
  } catch (const Error&) {
    // Whoever opens that library will be told what is wrong with it.
  }
}

LibraryCheck LibrarySearch::check(const fs::path& file) {
  prepare();
  LibraryCheck result;
  std::set<std::string> known = loaded_, visited;
  known.insert(loaded_for_training_.begin(), loaded_for_training_.end());
  result.missing = walk(file, known, visited, result.own);
  for (const std::string& name : visited) {
    const bool of_trainer = loaded_for_training_.count(name) > 0 ||
        (!is_path(name) && find_in(trainer_, name));
    result.needs_libtorch =
        result.needs_libtorch || (loaded_.count(name) == 0 && of_trainer);
  }
  if (!result.missing.empty()) {
    const LibraryNeeds& needs = needs_of(file);
    append(result.folders, needs.rpath);
    append(result.folders, environment_);
    append(result.folders, needs.runpath);
    append(result.folders, trainer_);
    append(result.folders, {"/etc/ld.so.cache"});
    append(result.folders, system_);
  }
  return result;
}

// What cannot be found of all that `file` needs, libraries of libraries
// included; what is found outside of the system and the trainer goes to `own`.
// A name in `loaded` is there already, with all that it needs.
std::vector<std::string> LibrarySearch::walk(
    const fs::path& file,
    const std::set<std::string>& loaded,
    std::set<std::string>& visited,
    std::vector<fs::path>& own) {
  std::vector<std::string> missing;
  std::vector<fs::path> files = {file};
  while (!files.empty()) {
    const fs::path asking = files.back();
    files.pop_back();
    LibraryNeeds asker;
    try {
      asker = needs_of(asking);
    } catch (const Error&) {
      if (asking == file) {
        throw;
      }
      continue;
    }
    // An RPATH, unlike a RUNPATH, holds for the libraries of a library too.
    append(asker.rpath, needs_of(file).rpath);
    for (const std::string& name : asker.needed) {
      if (!visited.insert(name).second || loaded.count(name) > 0) {
        continue;
      }
      const Path found = find(name, asker);
      if (found) {
        files.push_back(*found);
        if (is_path(name) || found != find_in_system(name)) {
          own.push_back(*found);
        }
      } else {
        missing.push_back(
            name +
            (asking == file ? ""
                            : " (for " + asking.filename().string() + ")"));
      }
    }
  }
  return missing;
}

LibrarySearch::Path LibrarySearch::find(
    const std::string& name,
    const LibraryNeeds& asker) {
  if (is_path(name)) {
    return is_library(name) ? Path(name) : std::nullopt;
  }
  const std::vector<std::string>& environment = environment_;
  for (const auto* folders : {&asker.rpath, &environment, &asker.runpath}) {
    if (const Path found = find_in(*folders, name)) {
      return found;
    }
  }
  return find_in_system(name);
}

LibrarySearch::Path LibrarySearch::find_in_system(const std::string& name) {
  const auto known = found_.find(name);
  if (known != found_.end()) {
    return known->second;
  }
  const auto cached = cache_.find(name);
  Path found;
  if (cached != cache_.end() && is_library(cached->second)) {
    found = cached->second;
  } else {
    found = find_in(system_, name);
  }
  if (!found) {
    found = find_in(trainer_, name);
  }
  return found_[name] = found;
}

const LibraryNeeds& LibrarySearch::needs_of(const fs::path& file) {
  const auto known = needs_.find(file);
  return known != needs_.end()
      ? known->second
      : needs_.emplace(file, read_library_needs(file)).first->second;
}

} // namespace octet
