// In this order: the name in another table or in another trainer, a misspelling
// of a key of the same table, a misspelling of any key.
#include "core/config/suggest.h"

#include "core/base/problems.h"

#include <algorithm>
#include <cctype>

namespace octet {
namespace {

constexpr size_t kMostSuggestions = 3;

// Max_Length and max-length mean max_length.
std::string normal(std::string name) {
  for (char& c : name) {
    c = c == '-'
        ? '_'
        : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

// The path that the user writes: keys of a data set go by their own name.
std::string shown_path(const TableSpec& table, const KeySpec& key) {
  return table.owner == TableSpec::Owner::data_set
      ? key.name
      : table.path + "." + key.name;
}

void add_once(std::vector<std::string>& to, const std::string& item) {
  if (std::find(to.begin(), to.end(), item) == to.end() &&
      to.size() < kMostSuggestions) {
    to.push_back(item);
  }
}

std::string question(const std::vector<std::string>& paths) {
  std::string text = "; did you mean ";
  for (size_t i = 0; i < paths.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == paths.size() ? " or " : ", ") + paths[i];
  }
  return text + "?";
}

} // namespace

std::vector<std::string> top_table_names() {
  std::vector<std::string> names;
  for (const TableSpec& table : config_tables()) {
    const std::string name = table.path.substr(0, table.path.find('.'));
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  }
  return names;
}

std::vector<std::string> KeySuggester::meant(
    const TableSpec* table,
    const std::string& written) const {
  const std::string name = normal(written);
  std::vector<std::string> found;
  const std::vector<std::string> plugin_keys =
      plugin_keys_ ? plugin_keys_() : std::vector<std::string>{};

  // What another trainer calls it, and the same name in another table.
  std::vector<std::string> names;
  for (const TableSpec& other : config_tables()) {
    const bool here = table == &other;
    if (other.owner == TableSpec::Owner::data_set && !here) {
      continue;
    }
    for (const KeySpec& key : other.keys) {
      const bool alias =
          std::find(key.also_called.begin(), key.also_called.end(), name) !=
          key.also_called.end();
      if (alias || key.name == name) {
        add_once(found, shown_path(other, key));
      }
      names.push_back(key.name);
    }
  }
  for (const std::string& path : plugin_keys) {
    if (last_part(path) == name) {
      add_once(found, path);
    }
    names.push_back(last_part(path));
  }
  if (!found.empty()) {
    return found;
  }

  // A misspelling, first in its own table, then in all.
  if (table != nullptr) {
    std::vector<std::string> own;
    for (const KeySpec& key : table->keys) {
      own.push_back(key.name);
    }
    const std::string near = nearest_name(name, own);
    if (!near.empty()) {
      return {shown_path(
          *table,
          *std::find_if(
              table->keys.begin(), table->keys.end(), [&](const KeySpec& key) {
                return key.name == near;
              }))};
    }
  }
  const std::string near = nearest_name(name, names);
  if (!near.empty() && near != name) {
    return meant(table, near);
  }
  return {};
}

std::string KeySuggester::unknown_key(
    const TableSpec& table,
    const std::string& path,
    const TomlEntry& entry) const {
  const std::string text = "unknown key " + path + "." +
      to_toml_key(entry.key) + " (" + entry.node.place.text() + ")";
  const std::vector<std::string> paths = meant(&table, entry.key);
  if (!paths.empty()) {
    return text + question(paths);
  }
  if (table.path == "precision") {
    return text +
        "; options of a backend stand in its own table, "
        "[precision.<backend>]";
  }
  return text + "; `trainer config help " + table.path + "` lists the keys";
}

std::string KeySuggester::unknown_table(const TomlEntry& entry) const {
  const bool is_table = entry.node.kind == TomlKind::table;
  const std::string text = std::string("unknown ") +
      (is_table ? "table [" : "key ") + to_toml_key(entry.key) +
      (is_table ? "]" : "") + " (" + entry.node.place.text() + ")";
  if (!is_table) {
    const std::vector<std::string> paths = meant(nullptr, entry.key);
    return text +
        (paths.empty() ? "; every key stands in a table, such as [train]"
                       : question(paths));
  }
  const std::string name = normal(entry.key);
  std::vector<std::string> candidates = top_table_names();
  std::vector<std::string> plugin_names, plugin_tables;
  if (plugin_keys_) {
    for (const std::string& path : plugin_keys_()) {
      const std::string table = path.substr(0, path.rfind('.'));
      plugin_tables.push_back(table);
      plugin_names.push_back(last_part(table));
    }
  }
  candidates.insert(candidates.end(), plugin_names.begin(), plugin_names.end());
  const std::string near = nearest_name(name, candidates);
  if (near.empty()) {
    return text + "; the tables are " + join_names(top_table_names());
  }
  for (size_t i = 0; i < plugin_names.size(); ++i) {
    if (plugin_names[i] == near) {
      return text + "; did you mean [" + plugin_tables[i] + "]?";
    }
  }
  return text + "; did you mean [" + near + "]?";
}

} // namespace octet
