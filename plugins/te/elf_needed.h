// Which shared libraries a file asks for, read without loading it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace octet::te {

/// The DT_NEEDED names of a 64-bit ELF file, in order.
/// @throws Error when the file cannot be read or is none
std::vector<std::string> needed_libraries(const std::filesystem::path& file);

} // namespace octet::te
