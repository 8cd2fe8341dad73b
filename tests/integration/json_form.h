// The shape of a JSON object: its keys and their types, to be compared with
// what docs/ lists.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace octet {

using Form = std::map<std::string, std::string>;

/// The keys of an object with the type of each; numbers are one type.
inline Form form_of(const nlohmann::json& object) {
  Form form;
  for (const auto& [key, value] : object.items()) {
    form[key] = value.is_number() ? "number" : value.type_name();
  }
  return form;
}

/// A plugin in resolution.json.
inline Form plugin_form() {
  return {
      {"name", "string"},
      {"options", "object"},
      {"origin", "string"},
      {"path", "string"},
      {"version", "string"},
      {"why", "string"}};
}

} // namespace octet
