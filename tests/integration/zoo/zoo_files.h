// The fixture plugins (tests/fixtures/plugins) as files, and ways to damage a
// copy of one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace octet::zoo {

/// <build>/tests/plugins/<name>.so
std::filesystem::path built(const std::string& name);

void write(const std::filesystem::path& file, const std::string& bytes);
/// Leaves the first part of the file.
void cut(const std::filesystem::path& file, double part);
/// Replaces a text by one of the same length; fails when it is not there.
void patch(
    const std::filesystem::path& file,
    const std::string& from,
    const std::string& to);
/// e_machine of the ELF header.
void set_machine(const std::filesystem::path& file, uint16_t machine);
/// sh_size of the section that holds the manifest.
void forge_manifest_size(const std::filesystem::path& file, uint64_t size);
/// chmod o+w
void open_to_everybody(const std::filesystem::path& file);

} // namespace octet::zoo
