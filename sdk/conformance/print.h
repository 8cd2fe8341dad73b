// What the user sees: the list of checks, and the outcome of a file as a table
// or as JSON.
#pragma once

#include "sdk/conformance/supervise.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

namespace octet::conformance {

void list_checks();
void print_table(const std::filesystem::path& file, const Outcome& outcome);
nlohmann::ordered_json to_json(
    const std::filesystem::path& file,
    const Outcome& outcome);

} // namespace octet::conformance
