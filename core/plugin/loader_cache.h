// /etc/ld.so.cache: which libraries the system's loader knows by name.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

namespace octet {

/// Library name -> path, of the 64-bit x86 libraries; empty when `bytes` are
/// not a cache in the form of glibc 2.2 or later. Every offset is checked.
std::unordered_map<std::string, std::string> parse_loader_cache(
    std::string_view bytes);

/// The cache of this machine; empty without one.
std::unordered_map<std::string, std::string> read_loader_cache(
    const std::filesystem::path& file = "/etc/ld.so.cache");

} // namespace octet
