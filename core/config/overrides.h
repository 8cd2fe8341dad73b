// --set key=value: values written over those of run.toml.
#pragma once

#include "core/base/problems.h"
#include "core/config/toml_tree.h"

#include <string>
#include <vector>

namespace octet {

/// Puts each override into the tree; its place reads "--set". The last one of
/// a key wins.
void apply_overrides(
    TomlNode& root,
    const std::vector<std::string>& overrides,
    Problems& problems);

} // namespace octet
