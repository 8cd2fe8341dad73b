// trainer plugins list | inspect | paths: read from the plugins' files; nothing
// of a plugin is executed.
#include "core/base/problems.h"
#include "core/plugin/catalog.h"
#include "core/plugin/inspect.h"
#include "tools/trainer/command_line.h"
#include "tools/trainer/commands.h"
#include "tools/trainer/option_help.h"
#include "tools/trainer/plugin_catalog.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <sstream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins",
      "list [--json] | inspect NAME | paths",
      "list shows every plugin found, with the reason for each that cannot be "
      "used;\ninspect shows a plugin's manifest and how to write its options "
      "in "
      "run.toml;\npaths shows where plugins are looked for. No code of a "
      "plugin "
      "runs.",
      {{"trainer plugins list", "what is installed"},
       {"trainer plugins inspect lora", "the options of a plugin"},
       {"trainer plugins list --json --plugin-path build/lib/octet/plugins",
        "for scripts, with a folder of your own"}});
  line.options().add_options()("json", "list as JSON");
  add_plugin_path_option(line.options());
  line.positional("words", 2);
  return line;
}

const char* status_name(PluginStatus status) {
  switch (status) {
    case PluginStatus::ready:
      return "ready";
    case PluginStatus::shadowed:
      return "shadowed";
    case PluginStatus::rejected:
      return "rejected";
  }
  return "";
}

std::string indented(const std::string& text, const std::string& indent) {
  std::istringstream in(text);
  std::string result;
  for (std::string line; std::getline(in, line);) {
    result += indent + line + "\n";
  }
  return result;
}

void print_columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string cell = row[i];
      if (i + 1 < row.size()) {
        cell.resize(widths[i] + 2, ' ');
      }
      line += cell;
    }
    std::cout << line << "\n";
  }
}

void list(const Catalog& catalog) {
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
  print_columns(rows);
  for (const CatalogEntry& entry : catalog.entries) {
    if (entry.status != PluginStatus::ready) {
      std::cout << "\n"
                << entry.manifest.name << " (" << entry.path.string() << ") is "
                << status_name(entry.status) << ":\n"
                << indented(entry.reason, "  ");
    }
  }
}

void list_json(const Catalog& catalog) {
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

void row(const char* name, const std::string& value) {
  if (!value.empty()) {
    std::string text = "  " + std::string(name);
    text.resize(14, ' ');
    std::cout << text << value << "\n";
  }
}

std::string verdict_name(RelationVerdict verdict) {
  return verdict == RelationVerdict::ok  ? "ok"
      : verdict == RelationVerdict::warn ? "warn"
                                         : "reject";
}

void print_relation(const Relation& relation) {
  std::cout << "  " << verdict_name(relation.verdict) << " with "
            << join_names(relation.with);
  if (!relation.when.empty()) {
    std::cout << " when " << relation.when;
  }
  if (!relation.after.empty()) {
    std::cout << ", after " << relation.after;
  }
  std::cout << "\n";
  if (!relation.reason.empty()) {
    std::cout << "    " << relation.reason << "\n";
  }
  if (!relation.way_out.empty()) {
    std::cout << "    way out: " << relation.way_out << "\n";
  }
}

void inspect(const CatalogEntry& entry) {
  const Manifest& manifest = entry.manifest;
  std::cout << manifest.name << " " << manifest.version << "  ("
            << to_string(manifest.kind) << ", " << status_name(entry.status)
            << ")\n";
  if (!manifest.summary.empty()) {
    std::cout << "  " << manifest.summary << "\n";
  }
  std::cout << "\n";
  row("file", entry.path.string());
  row("found by", entry.origin);
  row("license", manifest.license);
  row("compute", manifest.compute);
  row("provides", join_names(manifest.provides));
  row("claims", join_names(manifest.claims));
  row("reads", join_names(manifest.reads));
  row("stores", join_names(manifest.stores));
  if (manifest.kind == PluginKind::precision) {
    row("rank", std::to_string(manifest.rank));
    row("auto", manifest.automatic ? "may choose it" : "never chooses it");
  }
  row("needs", manifest.needs.device);
  row("capability", join_names(manifest.needs.capability));
  if (entry.status != PluginStatus::ready) {
    std::cout << "\nWhy it is " << status_name(entry.status) << ":\n"
              << indented(entry.reason, "  ");
  }
  const std::vector<std::string> differences =
      fingerprint_differences(entry.build, host_fingerprint());
  std::cout << "\nBuild: "
            << (differences.empty() ? "fits this trainer\n"
                                    : "differs from this trainer\n");
  for (const std::string& difference : differences) {
    std::cout << "  " << difference << "\n";
  }
  if (!manifest.relations.empty()) {
    std::cout << "\nRelations:\n";
    for (const Relation& relation : manifest.relations) {
      print_relation(relation);
    }
  }
  std::cout << "\nOptions, in run.toml under [" << table_of(manifest) << "]:\n"
            << options_text(manifest);
}

const CatalogEntry& find_plugin(
    const Catalog& catalog,
    const std::string& name) {
  const CatalogEntry* entry = catalog.find_any(name);
  if (entry == nullptr) {
    std::vector<std::string> names;
    for (const CatalogEntry& other : catalog.entries) {
      names.push_back(other.manifest.name);
    }
    const std::string near = nearest_name(name, names);
    throw Failure(
        ExitCode::usage,
        "plugins",
        "expected the name of a plugin, found " + name +
            (near.empty() ? "; `trainer plugins list` shows what is there"
                          : "; did you mean " + near + "?"));
  }
  return *entry;
}

void paths(const Catalog& catalog) {
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
  print_columns(rows);
}

} // namespace

ExitCode run_plugins(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const std::vector<std::string> words = line.all("words");
  const std::string action = words.empty() ? "" : words.front();
  const Catalog catalog =
      build_catalog(plugin_folders(plugin_path_of(line), {}));
  if (action == "list" && words.size() == 1) {
    line.has("json") ? list_json(catalog) : list(catalog);
  } else if (action == "inspect" && words.size() == 2) {
    inspect(find_plugin(catalog, words[1]));
  } else if (action == "paths" && words.size() == 1) {
    paths(catalog);
  } else {
    throw Failure(
        ExitCode::usage,
        "trainer",
        "expected trainer plugins list, inspect NAME or paths, found " +
            (action.empty() ? "nothing" : "\"" + action + "\"") +
            "; see `trainer plugins --help`");
  }
  return ExitCode::success;
}

} // namespace octet
