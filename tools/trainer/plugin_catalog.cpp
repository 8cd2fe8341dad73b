// Only reads the manifests in the plugins' files.
#include "tools/trainer/plugin_catalog.h"

namespace octet {

void add_plugin_path_option(po::options_description& options) {
  options.add_options()(
      "plugin-path",
      po::value<std::vector<std::string>>()->composing()->value_name("DIR"),
      "look for plugins here first; may stand several times");
}

std::vector<std::filesystem::path> plugin_path_of(const CommandLine& line) {
  const std::vector<std::string> texts = line.all("plugin-path");
  return {texts.begin(), texts.end()};
}

PluginKeys plugin_keys(std::vector<std::filesystem::path> command_line) {
  return [command_line = std::move(command_line)] {
    std::vector<std::string> keys;
    const Catalog catalog = build_catalog(plugin_folders(command_line, {}));
    for (const CatalogEntry& entry : catalog.entries) {
      for (const auto& [key, option] : entry.manifest.options) {
        keys.push_back(table_of(entry.manifest) + "." + key);
      }
    }
    return keys;
  };
}

std::string table_of(const Manifest& manifest) {
  return (manifest.kind == PluginKind::precision ? "precision." : "features.") +
      manifest.name;
}

} // namespace octet
