// run.toml (and --set) to a RunConfig, or every problem at once.
#pragma once

#include "core/config/run_config.h"

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

/// Reads `file`, applies `overrides` ("train.epochs=1", values in TOML syntax,
/// a bare word counts as a string), checks everything against the schema.
/// @throws Failure(usage) that lists every problem with file:line, the nearest
/// known key and what to do
RunConfig load_run_config(
    const std::filesystem::path& file,
    const std::vector<std::string>& overrides);

} // namespace octet
