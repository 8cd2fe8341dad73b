#include "core/data/json_text.h"

#include "core/base/problems.h"
#include "core/data/utf8.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace octet {

using nlohmann::json;

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 40) {
    text.resize(37);
    while (!is_utf8(text)) {
      text.pop_back();
    }
    text += "...";
  }
  return text + " (" + value.type_name() + ")";
}

std::string keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) {
    keys.push_back(item.key());
  }
  return keys.empty() ? "no keys" : "the keys " + join_names(keys);
}

} // namespace octet
