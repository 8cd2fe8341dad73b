// trainer plugins list: one row a plugin, from its file alone.
#include "tools/trainer/columns.h"
#include "tools/trainer/plugin_actions.h"
#include "tools/trainer/plugin_catalog.h"

#include <nlohmann/json.hpp>

#include <iostream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins list",
      "[--json]",
      "Every plugin found, with the reason for each that cannot be used. No "
      "code of a\nplugin runs.",
      {{"trainer plugins list", "what is installed"},
       {"trainer plugins list --json --plugin-path build/lib/octet/plugins",
        "for scripts, with a folder of your own"}});
  line.options().add_options()("json", "an array of objects");
  add_plugin_path_option(line.options());
  return line;
}

void print_table(const Catalog& catalog) {
  if (catalog.entries.empty()) {
    std::cout << "No plugins found. `trainer plugins paths` shows where they "
                 "are looked for.\n";
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "KIND", "VERSION", "STATUS", "ORIGIN", "SUMMARY"}};
  for (const CatalogEntry& entry : catalog.entries) {
    const Manifest& manifest = entry.manifest;
    const bool readable = !manifest.version.empty();
    rows.push_back(
        {manifest.name,
         readable ? to_string(manifest.kind) : "-",
         readable ? manifest.version : "-",
         status_name(entry.status),
         entry.origin,
         manifest.summary});
  }
  std::cout << columns_text(rows);
  for (const CatalogEntry& entry : catalog.entries) {
    if (entry.status != PluginStatus::ready) {
      std::cout << "\n"
                << entry.manifest.name << " (" << entry.path.string() << ") is "
                << status_name(entry.status) << ":\n"
                << indented(entry.reason, "  ");
    }
  }
}

void print_json(const Catalog& catalog) {
  nlohmann::ordered_json plugins = nlohmann::ordered_json::array();
  for (const CatalogEntry& entry : catalog.entries) {
    const bool readable = !entry.manifest.version.empty();
    plugins.push_back(
        {{"name", entry.manifest.name},
         {"kind", readable ? to_string(entry.manifest.kind) : ""},
         {"version", entry.manifest.version},
         {"status", status_name(entry.status)},
         {"origin", entry.origin},
         {"path", entry.path.string()},
         {"summary", entry.manifest.summary},
         {"reason", entry.reason}});
  }
  std::cout << plugins.dump(
                   2, ' ', false, nlohmann::json::error_handler_t::replace)
            << "\n";
}

} // namespace

ExitCode list_plugins(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const Catalog catalog =
      build_catalog(plugin_folders(plugin_path_of(line), {}));
  line.has("json") ? print_json(catalog) : print_table(catalog);
  return ExitCode::success;
}

} // namespace octet
