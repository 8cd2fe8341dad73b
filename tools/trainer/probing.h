// Asking a plugin whether it can run here.
#pragma once

#include "core/plugin/loaded_plugin.h"

namespace octet {

/// Loads the plugin and probes it. Plugins are linked with LibTorch, so the
/// training library, which brings it from its own folder, is opened first.
ProbeVerdict probe_plugin(
    const CatalogEntry& entry,
    const OptionTable& options);

} // namespace octet
