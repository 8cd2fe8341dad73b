// run.toml (and --set) to a RunConfig, or every problem at once.
#pragma once

#include "core/config/run_config.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace octet {

/// Tells the option keys of all plugins found ("features.lora.rank"). Asked
/// only when an unknown key turns up, to say what it may have meant.
using PluginKeys = std::function<std::vector<std::string>()>;

/// Reads `file`, applies `overrides` ("train.epochs=1", values in TOML syntax,
/// a bare word counts as a string), checks everything against the schema.
/// Paths count from the current folder; "~" is the user's.
/// @throws Failure(usage) that lists every problem with file:line, the nearest
/// known key and what to do
RunConfig load_run_config(
    const std::filesystem::path& file,
    const std::vector<std::string>& overrides,
    const PluginKeys& plugin_keys = {});

/// Every key at its default; required ones (model.path, data.train) are empty.
RunConfig default_run_config();

} // namespace octet
