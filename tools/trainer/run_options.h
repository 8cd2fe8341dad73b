// Options that several commands share.
#pragma once

#include "core/config/load.h"
#include "tools/trainer/command_line.h"

namespace octet {

/// --config, --set and --plugin-path.
void add_config_options(po::options_description& options);

/// What they ask for.
/// @throws Failure(usage) with every problem
RunConfig config_of(const CommandLine& line);

} // namespace octet
