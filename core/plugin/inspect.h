// Gate one: what a plugin's file says about itself. Reads bytes, runs nothing.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// The texts that octet_add_plugin put into the file. Nothing in them has been
/// checked, except that they are no longer than 1 MiB.
struct PluginFile {
  /// Section .octet.manifest.
  std::string manifest;
  /// Section .octet.build: key=value lines.
  std::string build;
};

/// Reads the two sections of a shared library. Every offset and size in the
/// file is taken for hostile.
/// @throws Failure(resolution) that says what is wrong with the file
PluginFile read_plugin_file(const std::filesystem::path& file);

/// Text of an unknown file for a terminal: what is not printable ASCII becomes
/// "?", and at most 80 characters stay.
std::string printable(const std::string& text);

/// This program's own build fingerprint, in the form of section .octet.build.
std::string_view host_fingerprint();

/// Every difference between a plugin's fingerprint and the host's, as sentences
/// with both values; empty when the plugin fits.
std::vector<std::string> fingerprint_differences(
    std::string_view plugin,
    std::string_view host);

} // namespace octet
