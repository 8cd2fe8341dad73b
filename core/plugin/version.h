// The order of versions, as semantic versioning 2.0.0 (section 11) defines it.
#pragma once

#include <string_view>

namespace octet {

/// Negative when a comes before b, 0 when they are equal, positive when after.
/// @param a, b versions as manifests write them (see is_version)
int compare_versions(std::string_view a, std::string_view b);

} // namespace octet
