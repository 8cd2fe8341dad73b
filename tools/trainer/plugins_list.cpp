// trainer plugins list: one row a plugin, from its file alone.
#include "tools/trainer/columns.h"
#include "tools/trainer/plugin_actions.h"

#include <nlohmann/json.hpp>

#include <iostream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins list",
      "[--json]",
      "Every plugin found, with the reason for each that cannot be used, and "
      "those of\nOctet that are missing here. No code of a plugin runs.",
      {{"trainer plugins list", "what is installed"},
       {"trainer plugins list --json --plugin-path build/lib/octet/plugins",
        "for scripts, with a folder of your own"}});
  line.options().add_options()("json", "an array of objects");
  add_discovery_options(line.options());
  return line;
}

std::string kind_of(const CatalogEntry& entry) {
  // Without a version nothing of the manifest could be read.
  return entry.manifest.version.empty() ? "" : to_string(entry.manifest.kind);
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::vector<KnownPlugin> missing_plugins(const Catalog& catalog) {
  std::vector<KnownPlugin> missing;
  for (const KnownPlugin& plugin : catalog.known) {
    if (catalog.find_known(plugin.name) != nullptr) {
      missing.push_back(plugin);
    }
  }
  return missing;
}

void print_table(const Catalog& catalog, const Style& style) {
  const std::vector<KnownPlugin> missing = missing_plugins(catalog);
  if (catalog.entries.empty() && missing.empty()) {
    std::cout << "No plugins found. `trainer plugins paths` shows where they "
                 "are looked for.\n";
    return;
  }
  constexpr size_t kStatus = 3;
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "KIND", "VERSION", "STATUS", "ORIGIN", "SUMMARY"}};
  for (const CatalogEntry& entry : catalog.entries) {
    const Manifest& manifest = entry.manifest;
    rows.push_back(
        {manifest.name,
         or_dash(kind_of(entry)),
         or_dash(manifest.version),
         status_name(entry.status),
         entry.origin,
         manifest.summary});
  }
  for (const KnownPlugin& plugin : missing) {
    rows.push_back(
        {plugin.name,
         to_string(plugin.kind),
         "-",
         "missing",
         "-",
         plugin.summary});
  }
  std::cout << columns_text(
      rows, [&](size_t row, size_t column, const std::string& cell) {
        if (row == 0) {
          return style.bold(cell);
        }
        if (column != kStatus) {
          return cell;
        }
        const std::string& status = rows[row][kStatus];
        return status == "ready"   ? style.green(cell)
            : status == "rejected" ? style.red(cell)
                                   : style.yellow(cell);
      });
  for (const CatalogEntry& entry : catalog.entries) {
    if (entry.status != PluginStatus::ready) {
      std::cout << "\n"
                << style.bold(entry.manifest.name) << " ("
                << entry.path.string() << ") is " << status_name(entry.status)
                << ":\n"
                << indented(entry.reason, "  ");
    }
  }
  if (!missing.empty()) {
    std::cout << "\nA missing plugin belongs to Octet but is not installed "
                 "here; `trainer plugins\ninspect NAME` says how to get it.\n";
  }
}

void print_json(const Catalog& catalog) {
  using Json = nlohmann::ordered_json;
  Json plugins = Json::array();
  for (const CatalogEntry& entry : catalog.entries) {
    plugins.push_back(
        {{"name", entry.manifest.name},
         {"kind", kind_of(entry)},
         {"version", entry.manifest.version},
         {"status", status_name(entry.status)},
         {"origin", entry.origin},
         {"path", entry.path.string()},
         {"summary", entry.manifest.summary},
         {"reason", entry.reason}});
  }
  for (const KnownPlugin& plugin : missing_plugins(catalog)) {
    plugins.push_back(
        {{"name", plugin.name},
         {"kind", to_string(plugin.kind)},
         {"version", ""},
         {"status", "missing"},
         {"origin", ""},
         {"path", ""},
         {"summary", plugin.summary},
         {"reason", how_to_get(plugin)}});
  }
  std::cout << plugins.dump(2, ' ', false, Json::error_handler_t::replace)
            << "\n";
}

} // namespace

ExitCode list_plugins(const Arguments& arguments) {
  return show_catalog(arguments, describe_command(), print_table, print_json);
}

} // namespace octet
