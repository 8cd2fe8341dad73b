// Named tensors to and from one safetensors file.
#pragma once

#include <octet/tensors.h>

#include <filesystem>

namespace octet {

/// Writes the tensors with their dtypes. An empty state is a file too.
/// @throws Failure(failed) for a dtype that safetensors lacks, a full disk
void write_state_file(const std::filesystem::path& path, const State& state);

/// @throws Failure(input) when the file is missing or damaged
State read_state_file(const std::filesystem::path& path);

} // namespace octet
