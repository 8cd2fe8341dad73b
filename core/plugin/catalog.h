// All plugins found, with a status each. Building a catalog reads files and
// runs no code of a plugin.
#pragma once

#include "core/plugin/file_identity.h"
#include "core/plugin/known_plugins.h"
#include "core/plugin/manifest.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace octet {

enum class PluginStatus { ready, shadowed, rejected };

struct CatalogEntry {
  /// Valid if `manifest_read`; else only name is set, from the file name.
  Manifest manifest;
  bool manifest_read = true;
  /// Absolute.
  std::filesystem::path path;
  /// "installed", "--plugin-path", "run.toml", "OCTET_PLUGIN_PATH"
  std::string origin;
  /// The file's build fingerprint: key=value lines.
  std::string build;
  PluginStatus status = PluginStatus::ready;
  /// Why not ready: all reasons, one a line.
  std::string reason;
  /// SHA-256 of the file and which file that was; only for a pinned plugin.
  std::string digest;
  FileIdentity identity = {};
};

struct SearchFolder {
  std::filesystem::path path;
  std::string origin;
  /// Who names the same folder again; without effect.
  std::vector<std::string> again = {};
};

struct Catalog {
  /// In discovery order. A name belongs to its first entry (of a pinned name:
  /// the first whose digest fits), ready or not.
  std::vector<CatalogEntry> entries;
  std::vector<SearchFolder> folders;
  /// Plugins of Octet, installed or not.
  std::vector<KnownPlugin> known;

  /// The ready entry of that name, or null.
  const CatalogEntry* find(const std::string& name) const;
  /// The ready entry of that name or, without one, the first that is not.
  const CatalogEntry* find_any(const std::string& name) const;
  /// Names of the ready plugins of that kind, sorted.
  std::vector<std::string> names(PluginKind kind) const;
  /// Whether it is a precision plugin; of one whose manifest cannot be read,
  /// whether another file of that name or Octet's plugin of that name is.
  bool is_backend(const CatalogEntry& entry) const;
  /// The plugin of Octet that has that name but no file here, or null.
  const KnownPlugin* find_known(const std::string& name) const;
};

/// Where plugins are looked for, in order: `command_line` (--plugin-path),
/// `config` ([plugins] path), OCTET_PLUGIN_PATH (colons between; not read in a
/// program with raised privileges), the installed folder. All absolute; a
/// folder named twice counts once.
/// @param third_party false: the installed folder alone
std::vector<SearchFolder> plugin_folders(
    const std::vector<std::filesystem::path>& command_line,
    const std::vector<std::filesystem::path>& config,
    bool third_party = true);

/// The folder `plugins` beside this library.
std::filesystem::path installed_plugin_folder();
/// liboctet_train.so beside this library.
std::filesystem::path training_library_file();

/// Gate one for a single file, wherever it lies. Never shadowed.
CatalogEntry inspect_file(
    const std::filesystem::path& file,
    const std::string& origin);

/// Looks at every *.so of the folders: folders in order, files sorted, no
/// folders inside them. A folder that is not there has no plugins, and
/// libraries that plugins bring along are none.
/// @param pins name -> "sha256:<hex>": files of that name with another digest
/// are rejected and take the name from no other
Catalog build_catalog(
    const std::vector<SearchFolder>& folders,
    const std::map<std::string, std::string>& pins = {});

} // namespace octet
