// Typed access to one table of a manifest; see the header.
#include "core/plugin/manifest_table.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

namespace octet {

namespace {

std::string type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a real number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

// Text of a manifest is printed on terminals, so no control characters.
bool has_control_characters(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) {
      return true;
    }
    const bool c1 = byte == 0xc2 && i + 1 < text.size() &&
        static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) {
      return true;
    }
  }
  return false;
}

} // namespace

ManifestTable::ManifestTable(
    const toml::table& table,
    std::string name,
    Problems& problems)
    : table_(&table), name_(std::move(name)), problems_(&problems) {}

const toml::node* ManifestTable::find(const std::string& key) {
  known_.insert(key);
  return table_->get(key);
}

const toml::node* ManifestTable::require(const std::string& key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    problems_->add(
        "expected the key " + full_name(key) + ", found none; add it");
  }
  return node;
}

std::string ManifestTable::full_name(const std::string& key) const {
  return name_.empty() ? key : name_ + "." + key;
}

void ManifestTable::problem(const std::string& key, const std::string& text)
    const {
  std::string place;
  if (const toml::node* node = table_->get(key)) {
    place = " (line " + std::to_string(node->source().begin.line) + ")";
  }
  problems_->add(full_name(key) + place + ": " + text);
}

void ManifestTable::wrong_type(
    const std::string& key,
    const std::string& expected,
    const toml::node& found) const {
  problem(key, "expected " + expected + ", found " + type_name(found));
}

std::string ManifestTable::checked_text(
    const std::string& key,
    const toml::node& node,
    bool empty_allowed) {
  const auto value = node.value_exact<std::string>();
  if (!value) {
    wrong_type(key, "a string", node);
    return "";
  }
  if (value->empty() && !empty_allowed) {
    problem(key, "expected a text, found an empty one");
  }
  if (has_control_characters(*value)) {
    problem(key, "expected one line of text, found control characters in it");
    return "";
  }
  return *value;
}

std::vector<std::string> ManifestTable::checked_texts(
    const std::string& key,
    const toml::node& node) {
  const toml::array* array = node.as_array();
  if (array == nullptr) {
    wrong_type(key, "an array of strings", node);
    return {};
  }
  std::vector<std::string> values;
  for (const toml::node& item : *array) {
    values.push_back(checked_text(key, item, false));
  }
  return values;
}

std::string ManifestTable::text(
    const std::string& key,
    const std::string& fallback) {
  const toml::node* node = find(key);
  return node == nullptr ? fallback : checked_text(key, *node, false);
}

std::string ManifestTable::required_text(
    const std::string& key,
    bool empty_allowed) {
  const toml::node* node = require(key);
  return node == nullptr ? "" : checked_text(key, *node, empty_allowed);
}

bool ManifestTable::boolean(const std::string& key, bool fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return fallback;
  }
  const auto value = node->value_exact<bool>();
  if (!value) {
    wrong_type(key, "a boolean", *node);
  }
  return value.value_or(fallback);
}

bool ManifestTable::required_boolean(const std::string& key) {
  return require(key) != nullptr && boolean(key, false);
}

int64_t ManifestTable::integer(
    const std::string& key,
    int64_t fallback,
    int64_t minimum,
    int64_t maximum) {
  if (find(key) == nullptr) {
    return fallback;
  }
  const int64_t value = required_integer(key);
  if (value < minimum || value > maximum) {
    problem(
        key,
        "expected " + std::to_string(minimum) + " to " +
            std::to_string(maximum) + ", found " + std::to_string(value));
    return fallback;
  }
  return value;
}

int64_t ManifestTable::required_integer(const std::string& key) {
  const toml::node* node = require(key);
  if (node == nullptr) {
    return 0;
  }
  const auto value = node->value_exact<int64_t>();
  if (!value) {
    wrong_type(key, "an integer", *node);
  }
  return value.value_or(0);
}

std::optional<double> ManifestTable::optional_real(const std::string& key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  if (node->is_number()) {
    const auto value = node->value<double>();
    if (value && !std::isfinite(*value)) {
      problem(key, "expected a finite number, found " + std::to_string(*value));
      return std::nullopt;
    }
    return value;
  }
  wrong_type(key, "a number", *node);
  return std::nullopt;
}

double ManifestTable::required_real(const std::string& key) {
  return require(key) == nullptr ? 0 : optional_real(key).value_or(0);
}

std::vector<std::string> ManifestTable::texts(
    const std::string& key,
    const std::vector<std::string>& fallback) {
  const toml::node* node = find(key);
  return node == nullptr ? fallback : checked_texts(key, *node);
}

std::vector<std::string> ManifestTable::required_texts(const std::string& key) {
  const toml::node* node = require(key);
  return node == nullptr ? std::vector<std::string>{}
                         : checked_texts(key, *node);
}

std::vector<std::string> ManifestTable::text_or_texts(
    const std::string& key,
    const std::vector<std::string>& fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return fallback;
  }
  if (node->is_string()) {
    return {checked_text(key, *node, false)};
  }
  std::vector<std::string> values = checked_texts(key, *node);
  if (node->is_array() && values.empty()) {
    problem(key, "expected at least one name, found none");
  }
  return values;
}

std::vector<std::string> ManifestTable::required_text_or_texts(
    const std::string& key) {
  return require(key) == nullptr ? std::vector<std::string>{}
                                 : text_or_texts(key, {});
}

std::string ManifestTable::choice(
    const std::string& key,
    const std::vector<std::string>& choices,
    const std::string& fallback) {
  return find(key) == nullptr ? fallback : required_choice(key, choices);
}

std::string ManifestTable::required_choice(
    const std::string& key,
    const std::vector<std::string>& choices) {
  const toml::node* node = require(key);
  if (node == nullptr) {
    return "";
  }
  std::string value = checked_text(key, *node, true);
  const bool known =
      std::find(choices.begin(), choices.end(), value) != choices.end();
  if (!known && node->is_string()) {
    problem(
        key,
        "expected one of " + join_names(choices) + ", found \"" + value + "\"");
  }
  return known ? value : "";
}

std::optional<ManifestTable> ManifestTable::table(const std::string& key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  if (const toml::table* inner = node->as_table()) {
    return ManifestTable(*inner, full_name(key), *problems_);
  }
  wrong_type(key, "a table", *node);
  return std::nullopt;
}

std::optional<ManifestTable> ManifestTable::required_table(
    const std::string& key) {
  return require(key) == nullptr ? std::nullopt : table(key);
}

std::vector<ManifestTable> ManifestTable::tables(const std::string& key) {
  const toml::node* node = find(key);
  std::vector<ManifestTable> found;
  if (node == nullptr) {
    return found;
  }
  const toml::array* array = node->as_array();
  const bool tables = array != nullptr &&
      std::all_of(array->begin(), array->end(), [](const toml::node& item) {
                        return item.is_table();
                      });
  if (!tables) {
    problem(key, "expected [[" + full_name(key) + "]] tables");
    return found;
  }
  for (const toml::node& item : *array) {
    const std::string name =
        full_name(key) + "[" + std::to_string(found.size()) + "]";
    found.emplace_back(*item.as_table(), name, *problems_);
  }
  return found;
}

std::vector<std::string> ManifestTable::keys() const {
  std::vector<std::string> keys;
  for (const auto& entry : *table_) {
    keys.emplace_back(entry.first);
  }
  return keys;
}

void ManifestTable::only_for(
    const std::string& owner,
    const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (find(key) != nullptr) {
      problem(key, "belongs to " + owner + "; remove it");
    }
  }
}

void ManifestTable::ignore(const std::vector<std::string>& keys) {
  known_.insert(keys.begin(), keys.end());
}

void ManifestTable::finish() {
  const std::vector<std::string> known(known_.begin(), known_.end());
  for (const std::string& key : keys()) {
    if (known_.count(key) > 0) {
      continue;
    }
    const std::string nearest = nearest_name(key, known);
    problem(
        key,
        "unknown key; " +
            (nearest.empty() ? "known here: " + join_names(known)
                             : "did you mean " + full_name(nearest) + "?"));
  }
}

} // namespace octet
