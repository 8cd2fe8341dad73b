// Checks that need more than one key, or the file system.
#pragma once

#include "core/base/problems.h"
#include "core/config/run_config.h"

namespace octet {

/// Adds every contradiction between keys and every file that is not there.
/// @param config complete; config.places tells which keys were written
/// @param config_folder where run.toml lies, for a hint about relative paths
void check_run_config(
    const RunConfig& config,
    const std::filesystem::path& config_folder,
    Problems& problems);

} // namespace octet
