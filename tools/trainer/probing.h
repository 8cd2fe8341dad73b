// Asking plugins whether they can run here.
#pragma once

#include "core/config/run_config.h"
#include "core/resolve/selection.h"

namespace octet {

/// Plugins that `config` names are loaded and probed in this process. Others,
/// which `auto` only considers, are probed in a child process: one that crashes
/// or hangs is a row of the table, and the next candidate is asked.
Prober prober_for(const RunConfig& config);

} // namespace octet
