// The plugins that a command sees.
#pragma once

#include "core/config/load.h"
#include "core/plugin/catalog.h"
#include "tools/trainer/command_line.h"

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

/// Adds --plugin-path, which may stand several times, and --no-third-party.
void add_plugin_path_option(po::options_description& options);

/// The folders of --plugin-path.
std::vector<std::filesystem::path> plugin_path_of(const CommandLine& line);

/// Where this command looks for plugins. @param section of run.toml
/// @throws Failure(usage) for --plugin-path beside --no-third-party
std::vector<SearchFolder> search_folders(
    const CommandLine& line,
    const PluginsSection& section = {});

/// What is found there; files that do not have the digest of their pin are
/// rejected.
Catalog catalog_of(const CommandLine& line, const PluginsSection& section = {});

/// The same for a run, whose pins must all hold.
/// @throws Failure(resolution) naming each pin that does not
Catalog catalog_of_run(const CommandLine& line, const RunConfig& config);

/// Option keys of the plugins found, for load_run_config. No code of a plugin
/// runs.
PluginKeys plugin_keys(const CommandLine& line);

/// "features.lora" or "precision.bf16": where run.toml writes its options.
std::string table_of(const Manifest& manifest);

} // namespace octet
