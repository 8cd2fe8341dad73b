// All plugins found, with a status each. Building a catalog reads files and
// runs no code of a plugin.
#pragma once

#include "core/plugin/manifest.h"

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

enum class PluginStatus { ready, shadowed, rejected };

struct CatalogEntry {
  /// Valid unless rejected for an unreadable manifest (then only name is set,
  /// from the file name).
  Manifest manifest;
  /// Absolute.
  std::filesystem::path path;
  /// "installed", "--plugin-path", "run.toml", "OCTET_PLUGIN_PATH"
  std::string origin;
  /// The file's build fingerprint: key=value lines.
  std::string build;
  PluginStatus status = PluginStatus::ready;
  /// Why not ready: all reasons, one a line.
  std::string reason;
};

struct SearchFolder {
  std::filesystem::path path;
  std::string origin;
};

struct Catalog {
  /// In discovery order; a name's first ready entry wins.
  std::vector<CatalogEntry> entries;
  std::vector<SearchFolder> folders;

  /// The ready entry of that name, or null.
  const CatalogEntry* find(const std::string& name) const;
  /// The ready entry of that name or, without one, the first that is not.
  const CatalogEntry* find_any(const std::string& name) const;
  /// Names of the ready plugins of that kind, sorted.
  std::vector<std::string> names(PluginKind kind) const;
};

/// Where plugins are looked for, in order: `command_line` (--plugin-path),
/// `config` ([plugins] path), OCTET_PLUGIN_PATH (colons between; not read in a
/// program with raised privileges), the installed folder. All absolute; a
/// folder named twice counts once.
std::vector<SearchFolder> plugin_folders(
    const std::vector<std::filesystem::path>& command_line,
    const std::vector<std::filesystem::path>& config);

/// The folder `plugins` beside this library.
std::filesystem::path installed_plugin_folder();

/// Looks at every *.so of the folders: folders in order, files sorted, no
/// folders inside them. A folder that is not there has no plugins.
Catalog build_catalog(const std::vector<SearchFolder>& folders);

} // namespace octet
