// What run.toml says to one plugin.
#pragma once

#include "core/config/run_config.h"

#include <map>
#include <string>

namespace octet {

/// The table of that plugin; an empty one without it.
inline const OptionTable& table_of(
    const std::map<std::string, OptionTable>& tables,
    const std::string& name) {
  static const OptionTable kNone;
  const auto found = tables.find(name);
  return found == tables.end() ? kNone : found->second;
}

/// Whether the option `emulate` is on: then a plugin's needs do not count.
inline bool emulates(const OptionTable& options) {
  const auto found = options.values.find("emulate");
  const bool* on = found == options.values.end()
      ? nullptr
      : std::get_if<bool>(&found->second.value);
  return on != nullptr && *on;
}

} // namespace octet
