// `trainer plugins ACTION`: one file an action (plugins_<action>.cpp), one line
// in the table of plugins_command.cpp.
#pragma once

#include "core/base/terminal.h"
#include "core/plugin/catalog.h"
#include "tools/trainer/command_line.h"
#include "tools/trainer/commands.h"

#include <string>
#include <vector>

namespace octet {

struct PluginAction {
  std::string name;
  /// What follows the name: "NAME [--json]".
  std::string usage;
  std::string summary;
  /// Gets what follows the action's name; parses it with a CommandLine of its
  /// own, so that `trainer plugins ACTION --help` works.
  ExitCode (*run)(const Arguments&);
};

ExitCode list_plugins(const Arguments& arguments);
ExitCode inspect_plugin(const Arguments& arguments);
ExitCode show_plugin_paths(const Arguments& arguments);
ExitCode show_plugin_matrix(const Arguments& arguments);
ExitCode examine_plugins(const Arguments& arguments);

/// --plugin-path, --no-third-party and --config, for actions that look for
/// plugins.
void add_discovery_options(po::options_description& options);

/// [plugins] of the run.toml that --config names; empty without one.
PluginsSection plugins_section_of(const CommandLine& line);

/// What those options find.
Catalog discover(const CommandLine& line);
/// Parses, discovers and prints: as JSON with --json, else as a table.
ExitCode show_catalog(
    const Arguments& arguments,
    CommandLine line,
    void (*print_table)(const Catalog&, const Style&),
    void (*print_json)(const Catalog&));

ExitCode make_new_plugin(const Arguments& arguments);

/// "ready", "shadowed" or "rejected".
const char* status_name(PluginStatus status);
/// "ok", "warn" or "reject".
const char* verdict_name(RelationVerdict verdict);

/// @throws Failure(usage) with the nearest name when the catalog has none,
/// Failure(resolution) for a plugin of Octet that is not installed
const CatalogEntry& find_plugin(
    const Catalog& catalog,
    const std::string& name);

/// Each line of `text` behind `indent`.
std::string indented(const std::string& text, const std::string& indent);

} // namespace octet
