// What the manifests alone say of plugins that would run together: relations,
// storages that a backend does not read, ops that two replace. No code of a
// plugin is needed for any of it.
#pragma once

#include "core/base/problems.h"
#include "core/resolve/selection.h"

#include <string>
#include <vector>

namespace octet {

/// @param precision the backend, or null while `auto` has not chosen one
/// @param problems gets every conflict with its way out
/// @returns the warnings of relations, as sentences
std::vector<std::string> find_conflicts(
    const SelectedPlugin* precision,
    const std::vector<SelectedPlugin>& features,
    const std::string& stage,
    Problems& problems);

/// Why `precision` cannot run beside the features, or "".
std::string conflict_with_features(
    const SelectedPlugin& precision,
    const std::vector<SelectedPlugin>& features,
    const std::string& stage);

} // namespace octet
