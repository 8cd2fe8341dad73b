// The plugins that a command sees.
#pragma once

#include "core/config/load.h"
#include "core/plugin/catalog.h"
#include "tools/trainer/command_line.h"

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

/// Adds --plugin-path, which may stand several times.
void add_plugin_path_option(po::options_description& options);

/// The folders of --plugin-path.
std::vector<std::filesystem::path> plugin_path_of(const CommandLine& line);

/// Option keys of the plugins in those folders, for load_run_config. No code
/// of a plugin runs.
PluginKeys plugin_keys(std::vector<std::filesystem::path> command_line);

/// "features.lora" or "precision.bf16": where run.toml writes its options.
std::string table_of(const Manifest& manifest);

} // namespace octet
