// trainer plugins paths: where plugins are looked for, in order, and which
// names are there more than once.
#include "tools/trainer/columns.h"
#include "tools/trainer/plugin_actions.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <map>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins paths",
      "[--json]",
      "The folders in which plugins are looked for, in order, and every name "
      "that is\nthere more than once: the first file of a name is the one that "
      "runs, or, when it\ncannot, none does; [plugins.pin] chooses another. "
      "The current folder is never\nsearched.",
      {{"trainer plugins paths", "where plugins come from"},
       {"trainer plugins paths --config run.toml",
        "with the folders of [plugins] path"}});
  line.options().add_options()("json", "an object");
  add_discovery_options(line.options());
  return line;
}

int64_t count_in(const Catalog& catalog, const SearchFolder& folder) {
  return std::count_if(
      catalog.entries.begin(),
      catalog.entries.end(),
      [&](const CatalogEntry& entry) {
        return entry.path.parent_path() == folder.path;
      });
}

bool exists(const SearchFolder& folder) {
  std::error_code error;
  return std::filesystem::is_directory(folder.path, error);
}

using Duplicates = std::map<std::string, std::vector<const CatalogEntry*>>;

/// Files of one name, in the order in which they were found.
Duplicates duplicates_of(const Catalog& catalog) {
  Duplicates found;
  for (const CatalogEntry& entry : catalog.entries) {
    found[entry.manifest.name].push_back(&entry);
  }
  std::erase_if(found, [](const auto& item) { return item.second.size() < 2; });
  return found;
}

void print_table(const Catalog& catalog, const Style& style) {
  std::vector<std::vector<std::string>> rows = {
      {"ORDER", "FOLDER", "PLUGINS", "FROM"}};
  for (size_t i = 0; i < catalog.folders.size(); ++i) {
    const SearchFolder& folder = catalog.folders[i];
    std::string from = folder.origin;
    for (const std::string& again : folder.again) {
      from += ", again " + again;
    }
    rows.push_back(
        {std::to_string(i + 1),
         folder.path.string(),
         exists(folder) ? std::to_string(count_in(catalog, folder))
                        : "no such folder",
         from});
  }
  std::cout << columns_text(
      rows, [&](size_t row, size_t, const std::string& cell) {
        return row == 0 ? style.bold(cell) : cell;
      });
  for (const auto& [name, entries] : duplicates_of(catalog)) {
    std::cout << "\n" << style.bold(name) << " is there more than once:\n";
    for (const CatalogEntry* entry : entries) {
      std::cout << "  " << entry->path.string() << "  "
                << (entry->status == PluginStatus::ready
                        ? style.green("this one runs")
                        : status_name(entry->status))
                << "\n";
    }
  }
}

void print_json(const Catalog& catalog) {
  using Json = nlohmann::ordered_json;
  Json folders = Json::array(), duplicates = Json::array();
  for (const SearchFolder& folder : catalog.folders) {
    folders.push_back(
        {{"path", folder.path.string()},
         {"origin", folder.origin},
         {"again", folder.again},
         {"exists", exists(folder)},
         {"plugins", count_in(catalog, folder)}});
  }
  for (const auto& [name, entries] : duplicates_of(catalog)) {
    Json files = Json::array();
    for (const CatalogEntry* entry : entries) {
      files.push_back(
          {{"path", entry->path.string()},
           {"status", status_name(entry->status)}});
    }
    duplicates.push_back({{"name", name}, {"files", files}});
  }
  const Json all = {{"folders", folders}, {"duplicates", duplicates}};
  std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

} // namespace

ExitCode show_plugin_paths(const Arguments& arguments) {
  return show_catalog(arguments, describe_command(), print_table, print_json);
}

} // namespace octet
