// What a manifest asks of the machine, decided before any code of the plugin
// runs.
#pragma once

#include "core/plugin/manifest.h"

#include <octet/plugin.h>

#include <string>

namespace octet {

/// @returns what is missing and what there is instead, or "" when `host` has
/// everything
std::string unmet_needs(const Needs& needs, const OctetHost& host);

} // namespace octet
