// Finds plugins and judges each by its file alone: manifest and fingerprint.
// No file of a plugin is ever opened as a library here.
#include "core/plugin/catalog.h"

#include "core/base/problems.h"
#include "core/plugin/inspect.h"
#include "core/plugin/library_search.h"
#include "core/plugin/pins.h"
#include "core/plugin/writers.h"

#include <dlfcn.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace octet {

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> library_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    const fs::path& file = entries->path();
    std::error_code ignored;
    const bool folder_inside = fs::is_directory(file, ignored);
    if (file.extension() == ".so" && !folder_inside) {
      files.push_back(file);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void reject(CatalogEntry& entry, const std::string& reason) {
  entry.status = PluginStatus::rejected;
  entry.reason += (entry.reason.empty() ? "" : "\n") + reason;
}

// Whoever can write a plugin, or a library that is loaded with it, runs code as
// every user of it.
void check_writers(CatalogEntry& entry, const fs::path& file) {
  const std::string problem =
      writers_problem(file, training_library_file().parent_path());
  if (!problem.empty()) {
    reject(entry, problem);
  }
}

// So that what is missing is told before a loader says it in its own words.
// @param brought gets the libraries that come with it
void check_libraries(
    CatalogEntry& entry,
    LibrarySearch& libraries,
    std::set<fs::path>& brought) {
  try {
    const LibraryCheck found = libraries.check(entry.path);
    if (!found.missing.empty()) {
      reject(entry, found.problem());
    }
    const bool ready = entry.status == PluginStatus::ready;
    for (const fs::path& library : found.own) {
      brought.insert(library.lexically_normal());
      if (ready) {
        check_writers(entry, library);
      }
    }
  } catch (const Error& error) {
    reject(entry, error.message());
  }
}

CatalogEntry inspect_file(
    const fs::path& file,
    const std::string& origin,
    LibrarySearch& libraries,
    std::set<fs::path>& brought) {
  CatalogEntry entry;
  entry.path = file;
  entry.origin = origin;
  entry.manifest.name = printable(file.stem().string());
  entry.manifest_read = false;
  PluginFile found;
  try {
    found = read_plugin_file(file);
  } catch (const Error& error) {
    reject(entry, error.message());
    return entry;
  }
  entry.build = found.build;
  // A wrong fingerprint is told beside a wrong manifest: both may be fixed at
  // once by building again.
  try {
    entry.manifest = parse_manifest(found.manifest, file.string());
    entry.manifest_read = true;
  } catch (const Error& error) {
    reject(entry, error.message());
  }
  const std::vector<std::string> differences =
      fingerprint_differences(found.build, host_fingerprint());
  for (const std::string& difference : differences) {
    reject(entry, difference);
  }
  if (!differences.empty()) {
    reject(entry, "build it again with this trainer's SDK");
  }
  check_writers(entry, entry.path);
  check_libraries(entry, libraries, brought);
  return entry;
}

// A name's first file is the one that is meant, usable or not: another must not
// run in its place unnoticed.
void shadow(CatalogEntry& entry, const CatalogEntry& owner) {
  if (entry.status == PluginStatus::ready) {
    entry.status = PluginStatus::shadowed;
    entry.reason = "its name is taken by " + owner.path.string();
    if (owner.status == PluginStatus::rejected) {
      entry.reason +=
          ", which cannot be used; mend or remove that file, or "
          "choose this one with [plugins.pin]";
    }
  }
}

// Where this library lies: beside the training library and the plugins.
fs::path library_folder() {
  // The address of a function of this library finds its file.
  Dl_info library{};
  const auto address = reinterpret_cast<void*>(&installed_plugin_folder);
  if (::dladdr(address, &library) == 0 || library.dli_fname == nullptr) {
    throw Failure(
        ExitCode::failed,
        "plugins",
        "expected to find this library's own file");
  }
  return fs::absolute(library.dli_fname).parent_path();
}

void add_folder(
    std::vector<SearchFolder>& folders,
    const fs::path& path,
    const std::string& origin) {
  if (path.empty()) {
    return;
  }
  std::error_code error;
  fs::path absolute = fs::weakly_canonical(path, error);
  if (error) {
    absolute = fs::absolute(path, error);
  }
  const auto known = std::find_if(
      folders.begin(), folders.end(), [&](const SearchFolder& folder) {
        return folder.path == absolute;
      });
  if (known == folders.end()) {
    folders.push_back({absolute, origin});
  } else {
    known->again.push_back(origin);
  }
}

} // namespace

const CatalogEntry* Catalog::find(const std::string& name) const {
  for (const CatalogEntry& entry : entries) {
    if (entry.manifest.name == name && entry.status == PluginStatus::ready) {
      return &entry;
    }
  }
  return nullptr;
}

const CatalogEntry* Catalog::find_any(const std::string& name) const {
  if (const CatalogEntry* ready = find(name)) {
    return ready;
  }
  // Without a ready one: the first, which keeps the name from the others.
  for (const CatalogEntry& entry : entries) {
    if (entry.manifest.name == name) {
      return &entry;
    }
  }
  return nullptr;
}

bool Catalog::is_backend(const CatalogEntry& entry) const {
  if (entry.manifest_read) {
    return entry.manifest.kind == PluginKind::precision;
  }
  // The kind of an unread manifest is the default one, which is a feature's.
  const auto is_its_backend = [&](const auto& plugin) {
    return plugin.name == entry.manifest.name &&
        plugin.kind == PluginKind::precision;
  };
  return std::any_of(known.begin(), known.end(), is_its_backend) ||
      std::any_of(entries.begin(), entries.end(), [&](const auto& other) {
           return is_its_backend(other.manifest);
         });
}

std::vector<std::string> Catalog::names(PluginKind kind) const {
  std::vector<std::string> names;
  for (const CatalogEntry& entry : entries) {
    if (entry.status == PluginStatus::ready && entry.manifest.kind == kind) {
      names.push_back(entry.manifest.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

const KnownPlugin* Catalog::find_known(const std::string& name) const {
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const KnownPlugin& plugin) {
        return plugin.name == name;
      });
  return found == known.end() || find_any(name) != nullptr ? nullptr : &*found;
}

fs::path installed_plugin_folder() {
  return library_folder() / "plugins";
}

fs::path training_library_file() {
  return library_folder() / "liboctet_train.so";
}

CatalogEntry inspect_file(const fs::path& file, const std::string& origin) {
  LibrarySearch libraries(training_library_file());
  std::error_code error;
  const fs::path absolute = fs::absolute(file, error).lexically_normal();
  std::set<fs::path> brought;
  return inspect_file(error ? file : absolute, origin, libraries, brought);
}

std::vector<SearchFolder> plugin_folders(
    const std::vector<fs::path>& command_line,
    const std::vector<fs::path>& config,
    bool third_party) {
  std::vector<SearchFolder> folders;
  if (!third_party) {
    add_folder(folders, installed_plugin_folder(), "installed");
    return folders;
  }
  for (const fs::path& path : command_line) {
    add_folder(folders, path, "--plugin-path");
  }
  for (const fs::path& path : config) {
    add_folder(folders, path, "run.toml");
  }
  const char* variable = std::getenv("OCTET_PLUGIN_PATH");
  if (variable != nullptr && ::getauxval(AT_SECURE) == 0) {
    std::string_view rest = variable;
    Problems problems;
    while (!rest.empty()) {
      const size_t end = rest.find(':');
      const fs::path part = rest.substr(0, end);
      // A variable is set once and meant everywhere: what it names must not
      // depend on the current directory. An empty part is left out.
      if (part.empty() || part.is_absolute()) {
        add_folder(folders, part, "OCTET_PLUGIN_PATH");
      } else {
        problems.add(
            "expected absolute folders in OCTET_PLUGIN_PATH, found \"" +
            printable(part.string()) +
            "\"; write it from the root, or use --plugin-path");
      }
      rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    }
    problems.raise(
        ExitCode::usage, "plugins", "the environment's OCTET_PLUGIN_PATH");
  }
  add_folder(folders, installed_plugin_folder(), "installed");
  return folders;
}

Catalog build_catalog(
    const std::vector<SearchFolder>& folders,
    const std::map<std::string, std::string>& pins) {
  Catalog catalog;
  catalog.folders = folders;
  catalog.known = read_known_plugins(
      installed_plugin_folder().parent_path() / "known_plugins.json");
  LibrarySearch libraries(training_library_file());
  // Whom each name belongs to: the first file, or the first that fits its pin.
  std::map<std::string, size_t> owners;
  std::set<fs::path> brought;
  for (const SearchFolder& folder : folders) {
    for (const fs::path& file : library_files(folder.path)) {
      CatalogEntry entry =
          inspect_file(file, folder.origin, libraries, brought);
      const auto pin = pins.find(entry.manifest.name);
      const bool meant = pin == pins.end() || apply_pin(entry, pin->second);
      const auto [owner, first] =
          owners.emplace(entry.manifest.name, catalog.entries.size());
      if (!first && meant) {
        shadow(entry, catalog.entries[owner->second]);
      } else if (first && !meant) {
        owners.erase(owner);
      }
      catalog.entries.push_back(std::move(entry));
    }
  }
  // A library that lies beside the plugin it comes with is no broken plugin.
  std::erase_if(catalog.entries, [&](const CatalogEntry& entry) {
    return !entry.manifest_read && brought.count(entry.path) > 0;
  });
  return catalog;
}

} // namespace octet
