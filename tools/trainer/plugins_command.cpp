// trainer plugins ACTION: the table of actions and what they share.
#include "core/base/problems.h"
#include "tools/trainer/plugin_actions.h"
#include "tools/trainer/plugin_catalog.h"
#include "tools/trainer/run_options.h"

#include <algorithm>
#include <iostream>
#include <sstream>

namespace octet {
namespace {

const std::vector<PluginAction>& plugin_actions() {
  static const std::vector<PluginAction> table = {
      {"list",
       "[--json]",
       "every plugin found, and why one cannot be used",
       list_plugins},
      {"inspect",
       "NAME [--json]",
       "a plugin's manifest, and how to write its options in run.toml",
       inspect_plugin},
      {"matrix",
       "[--json]",
       "which plugins go together, which do not, and why",
       show_plugin_matrix},
      {"paths",
       "[--json]",
       "where plugins are looked for, and names that are there twice",
       show_plugin_paths},
      {"doctor",
       "[NAME | FILE]",
       "loads, probes and creates plugins in a child process",
       examine_plugins},
      {"new",
       "NAME --kind KIND",
       "a folder with a plugin that builds and works",
       make_new_plugin},
  };
  return table;
}

std::string help() {
  std::string text =
      "Usage: trainer plugins ACTION [options]\n\n"
      "What is installed, read from the plugins' files.\n\nActions:\n";
  for (const PluginAction& action : plugin_actions()) {
    std::string name = "  " + action.name + " " + action.usage;
    name.resize(std::max<size_t>(name.size() + 2, 28), ' ');
    text += name + action.summary + "\n";
  }
  return text +
      "\nOptions:\n"
      "  -h [ --help ]             with an action: its options and examples\n"
      "\nExamples:\n"
      "  trainer plugins list              what is installed\n"
      "  trainer plugins inspect lora      what a plugin does, its options\n"
      "  trainer plugins doctor ./my.so    whether a file works, and if not, "
      "why\n"
      "  trainer plugins new my_fp8 --kind precision\n";
}

[[noreturn]] void unknown_action(const std::string& name) {
  std::vector<std::string> names;
  for (const PluginAction& action : plugin_actions()) {
    names.push_back(action.name);
  }
  const std::string near = nearest_name(name, names);
  throw Failure(
      ExitCode::usage,
      "trainer",
      "expected trainer plugins with one of " + join_names(names) + ", found " +
          (name.empty() ? "nothing" : "\"" + name + "\"") +
          (near.empty() ? "; see `trainer plugins --help`"
                        : "; did you mean " + near + "?"));
}

} // namespace

void add_discovery_options(po::options_description& options) {
  add_plugin_path_option(options);
  options.add_options()(
      "config,c",
      po::value<std::string>()->value_name("FILE"),
      "a run.toml: look where its [plugins] table says, with its pins");
}

PluginsSection plugins_section_of(const CommandLine& line) {
  return line.has("config") ? config_of(line).plugins : PluginsSection{};
}

Catalog discover(const CommandLine& line) {
  return catalog_of(line, plugins_section_of(line));
}

ExitCode show_catalog(
    const Arguments& arguments,
    CommandLine line,
    void (*print_table)(const Catalog&, const Style&),
    void (*print_json)(const Catalog&)) {
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const Catalog catalog = discover(line);
  if (line.has("json")) {
    print_json(catalog);
  } else {
    print_table(catalog, Style::standard_output());
  }
  return ExitCode::success;
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

const char* verdict_name(RelationVerdict verdict) {
  return verdict == RelationVerdict::ok  ? "ok"
      : verdict == RelationVerdict::warn ? "warn"
                                         : "reject";
}

const CatalogEntry& find_plugin(
    const Catalog& catalog,
    const std::string& name) {
  if (const CatalogEntry* entry = catalog.find_any(name)) {
    return *entry;
  }
  if (const KnownPlugin* known = catalog.find_known(name)) {
    throw Failure(ExitCode::resolution, "plugins", how_to_get(*known));
  }
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

std::string indented(const std::string& text, const std::string& indent) {
  std::istringstream in(text);
  std::string result;
  for (std::string line; std::getline(in, line);) {
    result += indent + line + "\n";
  }
  return result;
}

ExitCode run_plugins(const Arguments& arguments) {
  const std::string name = arguments.empty() ? "" : arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    std::cout << help();
    return ExitCode::success;
  }
  for (const PluginAction& action : plugin_actions()) {
    if (action.name == name) {
      return action.run({arguments.begin() + 1, arguments.end()});
    }
  }
  unknown_action(name);
}

} // namespace octet
