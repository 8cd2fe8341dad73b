// The user's folder, for paths that begin with "~".
#pragma once

#include <filesystem>
#include <string>

namespace octet {

/// "~" and "~/x" with the user's folder put in; other text unchanged.
/// @throws Failure(usage) when the user has no folder
std::filesystem::path expand_home(const std::string& path);

} // namespace octet
