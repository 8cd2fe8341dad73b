// What run.toml says to one plugin, and texts about it.
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

/// Lines joined with "; ".
inline std::string one_line(std::string text) {
  for (size_t at = text.find('\n'); at != std::string::npos;
       at = text.find('\n', at)) {
    text.replace(at, 1, "; ");
  }
  return text;
}

} // namespace octet
