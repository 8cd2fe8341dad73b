// trainer plugins paths: where plugins are looked for, in order.
#include "tools/trainer/columns.h"
#include "tools/trainer/plugin_actions.h"
#include "tools/trainer/plugin_catalog.h"

#include <algorithm>
#include <iostream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins paths",
      "",
      "The folders in which plugins are looked for, in order.",
      {{"trainer plugins paths", "where plugins come from"}});
  add_plugin_path_option(line.options());
  return line;
}

void print(const Catalog& catalog) {
  std::vector<std::vector<std::string>> rows = {{"FOLDER", "PLUGINS", "FROM"}};
  for (const SearchFolder& folder : catalog.folders) {
    std::error_code error;
    const auto count = std::count_if(
        catalog.entries.begin(),
        catalog.entries.end(),
        [&](const CatalogEntry& entry) {
          return entry.path.parent_path() == folder.path;
        });
    rows.push_back(
        {folder.path.string(),
         std::filesystem::is_directory(folder.path, error)
             ? std::to_string(count)
             : "no such folder",
         folder.origin});
  }
  std::cout << columns_text(rows);
}

} // namespace

ExitCode show_plugin_paths(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  print(build_catalog(plugin_folders(plugin_path_of(line), {})));
  return ExitCode::success;
}

} // namespace octet
