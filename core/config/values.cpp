// One overload a slot type: type check, range, choices, then the slot.
#include "core/config/values.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace octet {
namespace {

constexpr size_t kLongestShownValue = 60;

// What to do about the commonest slips of type.
std::string hint(const std::string& expected, const TomlNode& node) {
  TomlNode inner;
  const bool number_wanted = expected == "an integer" || expected == "a number";
  if (node.kind == TomlKind::string && expected != "an array of data sets" &&
      parse_toml_value(node.string, inner) &&
      (number_wanted
           ? inner.kind == TomlKind::integer || inner.kind == TomlKind::real
           : expected == "a boolean" && inner.kind == TomlKind::boolean)) {
    return "; write it without quotes: " + to_toml(inner);
  }
  if (expected == "an integer" && node.kind == TomlKind::real &&
      node.real == std::floor(node.real) && std::abs(node.real) < 1e15) {
    return "; write " + to_toml(static_cast<int64_t>(node.real));
  }
  if (expected == "a boolean") {
    return "; write true or false";
  }
  if (expected == "a string" || expected == "a path") {
    if (node.kind == TomlKind::integer || node.kind == TomlKind::real ||
        node.kind == TomlKind::boolean || node.kind == TomlKind::date) {
      return "; write it in quotes: \"" + to_toml(node) + "\"";
    }
  }
  if (expected.rfind("an array of", 0) == 0 &&
      (node.kind == TomlKind::string ||
       (node.kind == TomlKind::table && expected == "an array of data sets"))) {
    return "; write it in brackets: [" + to_toml(node) + "]";
  }
  return "";
}

class ValueReader {
 public:
  ValueReader(
      const KeySpec& key,
      const std::string& path,
      const TomlNode& node,
      const ReadContext& context)
      : key_(key),
        path_(path),
        node_(node),
        context_(context),
        problems_(context.problems) {}

  void read(bool& out) {
    if (node_.kind == TomlKind::boolean) {
      out = node_.boolean;
    } else {
      wrong_type("a boolean");
    }
  }

  void read(int64_t& out) {
    if (node_.kind != TomlKind::integer) {
      wrong_type("an integer");
    } else if (in_range(static_cast<double>(node_.integer))) {
      out = node_.integer;
    }
  }

  void read(uint64_t& out) {
    int64_t value = 0;
    const size_t before = problems_.items().size();
    read(value);
    if (problems_.items().size() == before) {
      out = static_cast<uint64_t>(value);
    }
  }

  void read(double& out) {
    if (node_.kind != TomlKind::integer && node_.kind != TomlKind::real) {
      wrong_type("a number");
      return;
    }
    const double value = node_.kind == TomlKind::integer
        ? static_cast<double>(node_.integer)
        : node_.real;
    if (!std::isfinite(value)) {
      problems_.add(
          describe_value(path_, node_) + ": expected a finite number");
    } else if (in_range(value)) {
      out = value;
    }
  }

  void read(std::string& out) {
    if (node_.kind != TomlKind::string) {
      wrong_type("a string");
    } else if (is_allowed(node_.string)) {
      out = node_.string;
    }
  }

  void read(std::optional<std::string>& out) {
    std::string value;
    const size_t before = problems_.items().size();
    read(value);
    if (problems_.items().size() == before) {
      out = value;
    }
  }

  void read(std::filesystem::path& out) {
    if (node_.kind != TomlKind::string) {
      wrong_type("a path");
    } else if (node_.string.empty()) {
      problems_.add(
          describe_value(path_, node_) +
          ": expected a path, found an empty string");
    } else {
      fill_slot(&out, node_.string);
    }
  }

  void read(std::vector<std::string>& out) {
    std::vector<std::string> values;
    if (read_strings("an array of strings", values)) {
      out = values;
    }
  }

  void read(std::vector<std::filesystem::path>& out) {
    std::vector<std::string> values;
    if (read_strings("an array of paths", values)) {
      fill_slot(&out, values);
    }
  }

  void read(std::map<std::string, std::string>& out) {
    if (node_.kind != TomlKind::table) {
      wrong_type("a table of strings");
      return;
    }
    for (const TomlEntry& entry : node_.entries) {
      if (entry.node.kind == TomlKind::string) {
        out[entry.key] = entry.node.string;
      } else {
        problems_.add(
            describe_value(path_ + "." + to_toml_key(entry.key), entry.node) +
            ": expected a string, found " + kind_name(entry.node.kind));
      }
    }
  }

  void read(std::vector<DataSetConfig>& out) {
    if (node_.kind != TomlKind::array) {
      wrong_type("an array of data sets");
      return;
    }
    if (node_.items.empty() && !key_.allow_empty) {
      problems_.add(
          describe_value(path_, node_) + ": expected at least one data set");
    }
    for (size_t i = 0; i < node_.items.size(); ++i) {
      read_data_set(
          path_ + "[" + std::to_string(i) + "]",
          node_.items[i],
          out.emplace_back());
    }
  }

 private:
  void wrong_type(const std::string& expected) {
    problems_.add(
        describe_value(path_, node_) + ": expected " + expected + ", found " +
        kind_name(node_.kind) + hint(expected, node_));
  }

  bool in_range(double value) {
    const bool low = key_.minimum &&
        (key_.above_minimum ? value <= *key_.minimum : value < *key_.minimum);
    const bool high = key_.maximum &&
        (key_.below_maximum ? value >= *key_.maximum : value > *key_.maximum);
    if (low || high) {
      problems_.add(
          describe_value(path_, node_) + ": expected a value of " +
          range_text(key_));
    }
    return !low && !high;
  }

  bool is_allowed(const std::string& value) {
    if (value.empty() && !key_.allow_empty) {
      problems_.add(
          describe_value(path_, node_) +
          ": expected a text, found an empty string");
      return false;
    }
    if (key_.one_of.empty()) {
      return true;
    }
    for (const std::string& choice : key_.one_of) {
      if (choice == value) {
        return true;
      }
    }
    const std::string near = nearest_name(value, key_.one_of);
    problems_.add(
        describe_value(path_, node_) + ": expected one of " +
        join_names(key_.one_of) +
        (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
    return false;
  }

  bool read_strings(
      const std::string& expected,
      std::vector<std::string>& values) {
    if (node_.kind != TomlKind::array) {
      wrong_type(expected);
      return false;
    }
    for (const TomlNode& item : node_.items) {
      if (item.kind != TomlKind::string) {
        problems_.add(
            describe_value(path_, node_) + ": expected " + expected +
            ", found " + kind_name(item.kind) + " in it");
        return false;
      }
      values.push_back(item.string);
    }
    return true;
  }

  void read_data_set(
      const std::string& path,
      const TomlNode& node,
      DataSetConfig& set) {
    const TableSpec& table = *find_table("data.train[]");
    Target target;
    target.data_set = &set;
    set_defaults(table, target);
    set.place = node.place;
    if (node.kind == TomlKind::string) {
      read_value(table.keys.front(), path, node, target, context_);
    } else if (node.kind == TomlKind::table) {
      for (const TomlEntry* entry :
           read_table(table, path, node, target, context_)) {
        problems_.add(context_.suggester.unknown_key(table, path, *entry));
      }
    } else {
      problems_.add(
          describe_value(path, node) +
          ": expected a path or a table such as { path = \"data.jsonl\" }, "
          "found " +
          kind_name(node.kind));
    }
  }

  const KeySpec& key_;
  const std::string& path_;
  const TomlNode& node_;
  const ReadContext& context_;
  Problems& problems_;
};

} // namespace

std::string describe_value(const std::string& path, const TomlNode& node) {
  std::string text = to_toml(node);
  if (text.size() > kLongestShownValue) {
    size_t end = kLongestShownValue;
    // Never through the middle of a UTF-8 character.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
      --end;
    }
    text = text.substr(0, end) + "...";
  }
  return path + " = " + text + " (" + node.place.text() + ")";
}

void read_value(
    const KeySpec& key,
    const std::string& path,
    const TomlNode& node,
    const Target& target,
    const ReadContext& context) {
  ValueReader reader(key, path, node, context);
  std::visit([&](auto* slot) { reader.read(*slot); }, key.slot(target));
}

std::vector<const TomlEntry*> read_table(
    const TableSpec& table,
    const std::string& path,
    const TomlNode& node,
    const Target& target,
    const ReadContext& context) {
  for (const KeySpec& key : table.keys) {
    const std::string key_path = path + "." + key.name;
    if (const TomlNode* value = node.find(key.name)) {
      context.places[key_path] = value->place;
      read_value(key, key_path, *value, target, context);
    } else if (key.required) {
      context.problems.add(
          "missing key " + key_path + " (" + node.place.text() +
          "): " + key.help + "; for example " + key.name + " = " + key.example);
    }
  }
  std::vector<const TomlEntry*> others;
  for (const TomlEntry& entry : node.entries) {
    const bool known = std::any_of(
        table.keys.begin(), table.keys.end(), [&](const KeySpec& key) {
          return key.name == entry.key;
        });
    if (!known) {
      others.push_back(&entry);
    }
  }
  return others;
}

} // namespace octet
