// Turns toml++'s nodes into TomlNodes, in the order of the file, and its errors
// into messages that show the line.
#include "core/config/toml_tree.h"

#include "core/base/problems.h"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <tuple>

namespace octet {
namespace {

// Deeper than any use, and far from what the stack can take.
constexpr int kDeepest = 100;

SourcePlace place_of(const toml::source_region& region) {
  SourcePlace place;
  place.file = region.path ? *region.path : "";
  place.line = static_cast<int>(region.begin.line);
  return place;
}

template <class Value>
std::string streamed(const Value& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

TomlNode convert(const toml::node& node, int depth = 0);

// toml++ sorts a table by name; messages read better in the file's order.
std::vector<TomlEntry> convert_entries(const toml::table& table, int depth) {
  std::vector<std::tuple<toml::source_position, const toml::key*>> order;
  for (const auto& [key, value] : table) {
    order.emplace_back(key.source().begin, &key);
  }
  std::stable_sort(
      order.begin(), order.end(), [](const auto& a, const auto& b) {
        return std::get<0>(a) < std::get<0>(b);
      });
  std::vector<TomlEntry> entries;
  for (const auto& [position, key] : order) {
    TomlEntry entry{
        std::string(key->str()), convert(*table.get(key->str()), depth + 1)};
    entry.node.place = place_of(key->source());
    entries.push_back(std::move(entry));
  }
  return entries;
}

TomlNode convert(const toml::node& node, int depth) {
  TomlNode result;
  result.place = place_of(node.source());
  if (depth > kDeepest) {
    throw Failure(
        ExitCode::usage,
        "config",
        "expected at most " + std::to_string(kDeepest) +
            " tables or arrays inside one another, found more (" +
            result.place.text() + ")");
  }
  switch (node.type()) {
    case toml::node_type::boolean:
      result.kind = TomlKind::boolean;
      result.boolean = node.as_boolean()->get();
      break;
    case toml::node_type::integer:
      result.kind = TomlKind::integer;
      result.integer = node.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      result.kind = TomlKind::real;
      result.real = node.as_floating_point()->get();
      break;
    case toml::node_type::string:
      result.kind = TomlKind::string;
      result.string = node.as_string()->get();
      break;
    case toml::node_type::date:
      result.kind = TomlKind::date;
      result.string = streamed(node.as_date()->get());
      break;
    case toml::node_type::time:
      result.kind = TomlKind::date;
      result.string = streamed(node.as_time()->get());
      break;
    case toml::node_type::date_time:
      result.kind = TomlKind::date;
      result.string = streamed(node.as_date_time()->get());
      break;
    case toml::node_type::array:
      result.kind = TomlKind::array;
      for (const toml::node& item : *node.as_array()) {
        result.items.push_back(convert(item, depth + 1));
      }
      break;
    case toml::node_type::table:
    case toml::node_type::none:
      result.kind = TomlKind::table;
      result.entries = convert_entries(*node.as_table(), depth);
      break;
  }
  return result;
}

std::string line_of(std::string_view text, size_t line) {
  std::istringstream in{std::string(text)};
  std::string found;
  for (size_t i = 0; i < line && std::getline(in, found); ++i) {
  }
  if (!found.empty() && found.back() == '\r') {
    found.pop_back();
  }
  return found;
}

std::string join_nodes(
    const std::vector<std::string>& parts,
    const char* open,
    const char* close) {
  std::string text = open;
  for (size_t i = 0; i < parts.size(); ++i) {
    text += (i > 0 ? ", " : "") + parts[i];
  }
  return text + close;
}

} // namespace

const TomlNode* TomlNode::find(std::string_view key) const {
  for (const TomlEntry& entry : entries) {
    if (entry.key == key) {
      return &entry.node;
    }
  }
  return nullptr;
}

TomlNode* TomlNode::find(std::string_view key) {
  for (TomlEntry& entry : entries) {
    if (entry.key == key) {
      return &entry.node;
    }
  }
  return nullptr;
}

TomlNode parse_toml(std::string_view text, const std::string& file) {
  try {
    TomlNode root = convert(toml::parse(text, file));
    root.place = {file, 0};
    return root;
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    const auto column = error.source().begin.column;
    const std::string number = std::to_string(line);
    const std::string shown = line_of(text, line);
    // toml++ calls the end of the line a forbidden control character.
    const bool open_string = column > shown.size() &&
        error.description().find("control characters") != std::string::npos;
    throw Failure(
        ExitCode::usage,
        "config",
        fmt::format(
            "{}:{}:{}: not valid TOML: {}\n  {} | {}\n  {} | {:>{}}",
            file,
            line,
            column,
            open_string ? "the string is not closed before the end of the line"
                        : error.description(),
            number,
            shown,
            std::string(number.size(), ' '),
            "^",
            std::max<size_t>(column, 1)));
  }
}

std::vector<std::string> parse_toml_key(std::string_view key) {
  std::vector<std::string> parts;
  if (key.find('\n') != std::string_view::npos ||
      std::count(key.begin(), key.end(), '.') > kDeepest) {
    return parts;
  }
  try {
    const toml::table root = toml::parse(std::string(key) + " = 0");
    const toml::table* table = &root;
    while (table != nullptr && table->size() == 1) {
      parts.emplace_back(table->begin()->first.str());
      table = table->begin()->second.as_table();
    }
  } catch (const toml::parse_error&) {
    parts.clear();
  }
  return parts;
}

bool parse_toml_value(std::string_view text, TomlNode& out) {
  try {
    const toml::table root = toml::parse("v = " + std::string(text));
    if (root.size() != 1 || root.begin()->first.str() != "v") {
      return false;
    }
    out = convert(root.begin()->second);
    return true;
  } catch (const toml::parse_error&) {
    return false;
  }
}

std::string kind_name(TomlKind kind) {
  switch (kind) {
    case TomlKind::boolean:
      return "a boolean";
    case TomlKind::integer:
      return "an integer";
    case TomlKind::real:
      return "a real number";
    case TomlKind::string:
      return "a string";
    case TomlKind::date:
      return "a date or time";
    case TomlKind::array:
      return "an array";
    case TomlKind::table:
      return "a table";
  }
  return "";
}

// JSON's escapes are all escapes of TOML's basic strings; only DEL, which TOML
// wants escaped and JSON does not, needs care.
std::string to_toml(const std::string& value) {
  const std::string quoted = nlohmann::json(value).dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string text;
  for (const char c : quoted) {
    if (c == '\x7f') {
      text += "\\u007F";
    } else {
      text += c;
    }
  }
  return text;
}

std::string to_toml(double value) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
  }
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) {
    text += ".0";
  }
  return text;
}

std::string to_toml(int64_t value) {
  return std::to_string(value);
}

std::string to_toml(bool value) {
  return value ? "true" : "false";
}

std::string to_toml(const std::vector<std::string>& values) {
  std::vector<std::string> parts;
  for (const std::string& value : values) {
    parts.push_back(to_toml(value));
  }
  return join_nodes(parts, "[", "]");
}

std::string to_toml(const TomlNode& node) {
  std::vector<std::string> parts;
  switch (node.kind) {
    case TomlKind::boolean:
      return to_toml(node.boolean);
    case TomlKind::integer:
      return to_toml(node.integer);
    case TomlKind::real:
      return to_toml(node.real);
    case TomlKind::string:
      return to_toml(node.string);
    case TomlKind::date:
      return node.string;
    case TomlKind::array:
      for (const TomlNode& item : node.items) {
        parts.push_back(to_toml(item));
      }
      return join_nodes(parts, "[", "]");
    case TomlKind::table:
      for (const TomlEntry& entry : node.entries) {
        parts.push_back(to_toml_key(entry.key) + " = " + to_toml(entry.node));
      }
      return parts.empty() ? "{}" : join_nodes(parts, "{ ", " }");
  }
  return "";
}

std::string to_toml_key(const std::string& key) {
  const bool bare =
      !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-';
      });
  return bare ? key : to_toml(key);
}

} // namespace octet
