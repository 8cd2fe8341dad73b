// Plugins that belong to Octet whether or not they are installed here, so that
// one that is missing can be named with how to get it. The list is data
// (known_plugins.json beside the libraries, made from the manifests when Octet
// is built): the core knows no plugin by name.
#pragma once

#include "core/plugin/manifest.h"

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

struct KnownPlugin {
  std::string name;
  PluginKind kind = PluginKind::feature;
  std::string summary;
  /// The folder of its source: "plugins/te".
  std::string source;
};

/// No such file: an empty list.
/// @throws Failure(failed) for a file that is not such a list
std::vector<KnownPlugin> read_known_plugins(const std::filesystem::path& file);

/// "plugin te is not installed here; it belongs to Octet and is built from
/// plugins/te: ..."
std::string how_to_get(const KnownPlugin& plugin);

} // namespace octet
