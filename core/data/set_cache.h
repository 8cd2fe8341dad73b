// Tokenized sets on disk, named by the SHA-256 of all that decided them. A file
// is whole or absent (written beside, synced, renamed), and its own digest is
// checked when it is read.
#pragma once

#include "core/config/run_config.h"
#include "core/data/tokenized_set.h"

#include <filesystem>
#include <optional>
#include <string>

namespace octet {

/// In data.cache, else in $XDG_CACHE_HOME/octet/datasets, else in
/// ~/.cache/octet/datasets.
std::filesystem::path cache_file(
    const RunConfig& config,
    const std::string& key);

/// @param why_not set when there is a file that cannot be used
std::optional<TokenizedSet> read_cached_set(
    const std::filesystem::path& file,
    const std::string& key,
    std::string& why_not);

/// @returns "" or why the set could not be written
std::string write_cached_set(
    const std::filesystem::path& file,
    const TokenizedSet& set);

} // namespace octet
