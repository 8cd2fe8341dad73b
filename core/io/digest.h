// SHA-256 of files.
#pragma once

#include <filesystem>
#include <string>

namespace octet {

/// 64 lower-case hex digits; the file is read in pieces.
/// @throws Failure(input) when the file cannot be read
std::string sha256_of_file(const std::filesystem::path& path);

} // namespace octet
