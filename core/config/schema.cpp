// What the types of slots mean: their names, their TOML text, their filling.
#include "core/config/schema.h"

#include "core/config/home.h"
#include "core/config/toml_tree.h"

#include <type_traits>

namespace octet {
namespace {

// Rows bind members of any object of their struct, so one that is never read
// tells their types.
Slot sample_slot(const KeySpec& key, TableSpec::Owner owner) {
  static RunConfig run;
  static DataSetConfig data_set;
  static TemplateConfig chat_template;
  Target target;
  switch (owner) {
    case TableSpec::Owner::data_set:
      target.data_set = &data_set;
      break;
    case TableSpec::Owner::chat_template:
      target.chat_template = &chat_template;
      break;
    default:
      target.run = &run;
  }
  return key.slot(target);
}

template <class Value>
std::string value_text(const Value& value) {
  if constexpr (std::is_same_v<Value, uint64_t>) {
    return to_toml(static_cast<int64_t>(value));
  } else if constexpr (std::is_same_v<Value, std::optional<std::string>>) {
    return value ? to_toml(*value) : "";
  } else if constexpr (std::is_same_v<Value, std::filesystem::path>) {
    // An unset path, like an unset optional, has no text: no path is empty.
    return value.empty() ? "" : to_toml(value.string());
  } else if constexpr (std::is_same_v<
                           Value,
                           std::vector<std::filesystem::path>>) {
    std::vector<std::string> texts;
    for (const std::filesystem::path& path : value) {
      texts.push_back(path.string());
    }
    return to_toml(texts);
  } else if constexpr (std::is_same_v<
                           Value,
                           std::map<std::string, std::string>>) {
    std::string text;
    for (const auto& [key, item] : value) {
      text += text.empty() ? "{ " : ", ";
      text += to_toml_key(key) + " = " + to_toml(item);
    }
    return text.empty() ? "{}" : text + " }";
  } else if constexpr (std::is_same_v<Value, std::vector<DataSetConfig>>) {
    std::string text = "[";
    for (DataSetConfig set : value) {
      text += text.size() > 1 ? ", { " : "{ ";
      Target target;
      target.data_set = &set;
      const char* comma = "";
      for (const KeySpec& key : find_table("data.train[]")->keys) {
        text += comma + key.name + " = " + slot_text(key.slot(target));
        comma = ", ";
      }
      text += " }";
    }
    return text + "]";
  } else {
    return to_toml(value);
  }
}

template <class Value>
void fill(Value& member, const KeyValue& value) {
  if constexpr (std::is_same_v<Value, uint64_t>) {
    member = static_cast<uint64_t>(std::get<int64_t>(value));
  } else if constexpr (std::is_same_v<Value, std::optional<std::string>>) {
    member = std::get<std::string>(value);
  } else if constexpr (std::is_same_v<Value, std::filesystem::path>) {
    member = expand_home(std::get<std::string>(value));
  } else if constexpr (std::is_same_v<
                           Value,
                           std::vector<std::filesystem::path>>) {
    member.clear();
    for (const auto& text : std::get<std::vector<std::string>>(value)) {
      member.push_back(expand_home(text));
    }
  } else if constexpr (
      std::is_same_v<Value, std::map<std::string, std::string>> ||
      std::is_same_v<Value, std::vector<DataSetConfig>>) {
    member.clear();
  } else {
    member = std::get<Value>(value);
  }
}

std::string value_text(const KeyValue& value) {
  return std::visit([](const auto& item) { return to_toml(item); }, value);
}

// Bounds are written as a reader would: 0 and 65536, not 0.0 and 65536.0.
std::string bound_text(double bound) {
  std::string text = to_toml(bound);
  if (text.size() > 2 && text.ends_with(".0")) {
    text.resize(text.size() - 2);
  }
  return text;
}

} // namespace

const TableSpec* find_table(const std::string& path) {
  for (const TableSpec& table : config_tables()) {
    if (table.path == path) {
      return &table;
    }
  }
  return nullptr;
}

const KeySpec* find_key(const std::string& path) {
  const size_t dot = path.rfind('.');
  const TableSpec* table =
      dot == std::string::npos ? nullptr : find_table(path.substr(0, dot));
  if (table == nullptr) {
    return nullptr;
  }
  for (const KeySpec& key : table->keys) {
    if (key.name == path.substr(dot + 1)) {
      return &key;
    }
  }
  return nullptr;
}

std::vector<std::string> key_paths() {
  std::vector<std::string> paths;
  for (const TableSpec& table : config_tables()) {
    if (table.owner != TableSpec::Owner::data_set) {
      for (const KeySpec& key : table.keys) {
        paths.push_back(table.path + "." + key.name);
      }
    }
  }
  return paths;
}

std::string type_name(const TableSpec& table, const KeySpec& key) {
  return std::visit(
      [](const auto* slot) -> std::string {
        using Value =
            std::remove_const_t<std::remove_pointer_t<decltype(slot)>>;
        if constexpr (std::is_same_v<Value, bool>) {
          return "boolean";
        } else if constexpr (std::is_integral_v<Value>) {
          return "integer";
        } else if constexpr (std::is_same_v<Value, double>) {
          return "number";
        } else if constexpr (std::is_same_v<Value, std::filesystem::path>) {
          return "path";
        } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
          return "array of strings";
        } else if constexpr (std::is_same_v<
                                 Value,
                                 std::vector<std::filesystem::path>>) {
          return "array of paths";
        } else if constexpr (std::is_same_v<
                                 Value,
                                 std::map<std::string, std::string>>) {
          return "table of strings";
        } else if constexpr (std::
                                 is_same_v<Value, std::vector<DataSetConfig>>) {
          return "array of data sets";
        } else {
          return "string";
        }
      },
      sample_slot(key, table.owner));
}

std::string range_text(const KeySpec& key) {
  std::string text;
  if (key.minimum) {
    text = (key.above_minimum ? "more than " : "at least ") +
        bound_text(*key.minimum);
  }
  if (key.maximum) {
    text += text.empty() ? "" : " and ";
    text += (key.below_maximum ? "less than " : "at most ") +
        bound_text(*key.maximum);
  }
  return text;
}

std::string default_text(const KeySpec& key) {
  return key.fallback ? value_text(*key.fallback) : key.default_text;
}

std::string slot_text(const Slot& slot) {
  return std::visit(
      [](const auto* member) { return value_text(*member); }, slot);
}

void fill_slot(const Slot& slot, const KeyValue& value) {
  std::visit([&](auto* member) { fill(*member, value); }, slot);
}

void set_defaults(const TableSpec& table, const Target& target) {
  for (const KeySpec& key : table.keys) {
    if (key.fallback) {
      fill_slot(key.slot(target), *key.fallback);
    }
  }
}

} // namespace octet
