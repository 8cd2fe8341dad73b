// Capabilities of the core itself that plugins may be related to. They have
// manifests like plugins, so relations and the compatibility matrix treat both
// alike, but nothing is loaded for them.
#pragma once

#include "core/plugin/catalog.h"

#include <string>
#include <vector>

namespace octet {

struct CoreCapability {
  /// Ready, without a path; origin "core".
  CatalogEntry entry;
  /// Why a run cannot ask for it yet; empty when it can.
  std::string missing;
};

/// Leaked, in the order of their names.
const std::vector<CoreCapability>& core_capabilities();

/// Null when the core has none of that name.
const CoreCapability* find_core_capability(const std::string& name);

} // namespace octet
