// Only reads the manifests in the plugins' files.
#include "tools/trainer/plugin_catalog.h"

#include "core/plugin/pins.h"

namespace octet {

void add_plugin_path_option(po::options_description& options) {
  options.add_options()(
      "plugin-path",
      po::value<std::vector<std::string>>()->composing()->value_name("DIR"),
      "look for plugins here first; may stand several times")(
      "no-third-party",
      "look only in the folder installed with the program, whatever run.toml "
      "and the environment name");
}

std::vector<std::filesystem::path> plugin_path_of(const CommandLine& line) {
  const std::vector<std::string> texts = line.all("plugin-path");
  return {texts.begin(), texts.end()};
}

std::vector<SearchFolder> search_folders(
    const CommandLine& line,
    const PluginsSection& section) {
  const bool third_party = !line.has("no-third-party");
  line.expect(
      third_party || !line.has("plugin-path"),
      "--no-third-party",
      "no --plugin-path beside it",
      "both");
  const auto command_line = plugin_path_of(line);
  for (const std::filesystem::path& folder : command_line) {
    std::error_code error;
    const bool there = std::filesystem::exists(folder, error);
    line.expect(
        std::filesystem::is_directory(folder, error),
        "--plugin-path",
        there ? "a folder with plugins" : "an existing folder",
        folder.string());
  }
  return plugin_folders(command_line, section.path, third_party);
}

Catalog catalog_of(const CommandLine& line, const PluginsSection& section) {
  return build_catalog(search_folders(line, section), section.pin);
}

Catalog catalog_of_run(const CommandLine& line, const RunConfig& config) {
  Catalog catalog = catalog_of(line, config.plugins);
  const auto place = config.places.find("plugins.pin");
  require_pins(
      catalog,
      config.plugins.pin,
      place == config.places.end() ? SourcePlace{} : place->second);
  return catalog;
}

PluginKeys plugin_keys(const CommandLine& line) {
  return [folders = search_folders(line)] {
    std::vector<std::string> keys;
    const Catalog catalog = build_catalog(folders);
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
