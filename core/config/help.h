// What the schema says about run.toml, for people: `trainer config help` and
// the reference page docs/config.md.
#pragma once

#include "core/config/schema.h"

#include <string>

namespace octet {

/// Every table with its keys, a line each.
std::string help_overview();

/// One table: each key with type, default and its sentence.
std::string help_table(const TableSpec& table);

/// One key: sentence, type, default, range, choices, example.
std::string help_key(const TableSpec& table, const KeySpec& key);

/// docs/config.md.
std::string reference_page();

} // namespace octet
