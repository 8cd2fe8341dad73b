// Reads the tables of run.toml by the schema, keeps those of plugins as they
// are, and tells all problems together.
#include "core/config/load.h"

#include "core/base/problems.h"
#include "core/config/check.h"
#include "core/config/overrides.h"
#include "core/config/schema.h"
#include "core/config/suggest.h"
#include "core/config/toml_tree.h"
#include "core/config/values.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace octet {
namespace {

namespace fs = std::filesystem;

std::string read_config_text(const fs::path& file) {
  const std::string full = fs::absolute(file).lexically_normal().string();
  std::error_code error;
  if (fs::is_directory(file, error)) {
    throw Failure(
        ExitCode::usage,
        "config",
        "expected a run.toml, found a folder: " + full);
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    const int reason = errno;
    std::vector<std::string> names;
    const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".toml") {
        names.push_back(entry.path().filename().string());
      }
    }
    const std::string near = nearest_name(file.filename().string(), names);
    throw Failure(
        ExitCode::usage,
        "config",
        "cannot read " + full + ": " + std::strerror(reason) +
            (near.empty() || near == file.filename() ? ""
                                                     : "; did you mean " +
                     (file.parent_path() / near).string() + "?"));
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

OptionTable read_option_table(
    const std::string& path,
    const TomlEntry& entry,
    Problems& problems) {
  OptionTable table;
  table.place = entry.node.place;
  for (const TomlEntry& option : entry.node.entries) {
    const TomlNode& node = option.node;
    OptionValue value;
    value.place = node.place;
    bool strings = node.kind == TomlKind::array;
    std::vector<std::string> list;
    for (const TomlNode& item : node.items) {
      strings = strings && item.kind == TomlKind::string;
      list.push_back(item.string);
    }
    if (node.kind == TomlKind::boolean) {
      value.value = node.boolean;
    } else if (node.kind == TomlKind::integer) {
      value.value = node.integer;
    } else if (node.kind == TomlKind::real) {
      value.value = node.real;
    } else if (node.kind == TomlKind::string) {
      value.value = node.string;
    } else if (strings) {
      value.value = list;
    } else {
      problems.add(
          describe_value(path + "." + to_toml_key(option.key), node) +
          ": expected a boolean, a number, a string or an array of strings, "
          "found " +
          kind_name(node.kind));
      continue;
    }
    table.values[option.key] = value;
  }
  return table;
}

class ConfigReader {
 public:
  ConfigReader(const TomlNode& root, const PluginKeys& plugin_keys)
      : root_(root),
        suggester_(plugin_keys),
        config_(default_run_config()),
        context_{problems_, suggester_, config_.places} {
    target_.run = &config_;
  }

  RunConfig read(const fs::path& file, const Problems& earlier) {
    for (const std::string& problem : earlier.items()) {
      problems_.add(problem);
    }
    read_tables();
    read_features();
    report_unknown_tables();
    fill_computed_defaults(file);
    check_run_config(config_, file.parent_path(), problems_);
    problems_.raise(
        ExitCode::usage,
        "config",
        file.string() + " has " + std::to_string(problems_.items().size()) +
            " problems");
    fill_effective();
    return std::move(config_);
  }

 private:
  void read_tables() {
    for (const TableSpec& table : config_tables()) {
      if (table.owner != TableSpec::Owner::run) {
        continue;
      }
      TomlNode absent;
      absent.place = root_.place;
      const TomlNode* node = root_.find(table.path);
      if (node != nullptr && node->kind != TomlKind::table) {
        report_not_a_table(table.path, *node);
        continue;
      }
      if (node == nullptr) {
        node = &absent;
      }
      for (const TomlEntry* entry :
           read_table(table, table.path, *node, target_, context_)) {
        read_inner_table(table, *entry);
      }
    }
  }

  // Tables within tables: a custom template, the options of a backend.
  void read_inner_table(const TableSpec& table, const TomlEntry& entry) {
    const std::string path = table.path + "." + to_toml_key(entry.key);
    const TableSpec* inner = find_table(path);
    if (inner != nullptr && inner->owner == TableSpec::Owner::chat_template) {
      if (entry.node.kind != TomlKind::table) {
        report_not_a_table(path, entry.node);
        return;
      }
      Target target;
      target.chat_template = &config_.data.custom_template.emplace();
      set_defaults(*inner, target);
      for (const TomlEntry* other :
           read_table(*inner, path, entry.node, target, context_)) {
        problems_.add(suggester_.unknown_key(*inner, path, *other));
      }
    } else if (
        table.path == "precision" && entry.node.kind == TomlKind::table) {
      config_.precision.tables[entry.key] =
          read_option_table(path, entry, problems_);
    } else {
      problems_.add(suggester_.unknown_key(table, table.path, entry));
    }
  }

  void read_features() {
    const TomlNode* features = root_.find("features");
    if (features == nullptr) {
      return;
    }
    if (features->kind != TomlKind::table) {
      problems_.add(
          describe_value("features", *features) + ": expected a table, found " +
          kind_name(features->kind) +
          "; a feature is on when its table is there: [features.<name>]");
      return;
    }
    for (const TomlEntry& entry : features->entries) {
      const std::string path = "features." + to_toml_key(entry.key);
      if (entry.node.kind == TomlKind::table) {
        config_.features[entry.key] = read_option_table(path, entry, problems_);
      } else {
        problems_.add(
            describe_value(path, entry.node) + ": expected a table, found " +
            kind_name(entry.node.kind) + "; write [" + path +
            "] to turn the feature on, and remove it to turn it off");
      }
    }
  }

  void report_not_a_table(const std::string& path, const TomlNode& node) {
    std::string hint = "; write [" + path + "] and its keys below";
    for (const std::string& meant : suggester_.meant(nullptr, path)) {
      if (meant.rfind(path + ".", 0) == 0) {
        hint = "; did you mean " + meant + "?";
      }
    }
    problems_.add(
        describe_value(path, node) + ": expected a table, found " +
        kind_name(node.kind) + hint);
  }

  void report_unknown_tables() {
    const std::vector<std::string> known = top_table_names();
    for (const TomlEntry& entry : root_.entries) {
      if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
        problems_.add(suggester_.unknown_table(entry));
      }
    }
  }

  void fill_computed_defaults(const fs::path& file) {
    config_.precision.place = config_.places.count("precision.backend") > 0
        ? config_.places.at("precision.backend")
        : root_.place;
    if (config_.run.name.empty()) {
      config_.run.name = file.stem().string();
    }
    if (config_.run.output.empty()) {
      config_.run.output = fs::path("runs") / config_.run.name;
    }
  }

  void fill_effective() {
    const auto add = [&](const TableSpec& table, const Target& target) {
      for (const KeySpec& key : table.keys) {
        const std::string text = slot_text(key.slot(target));
        if (!text.empty()) {
          config_.effective[table.path + "." + key.name] = text;
        }
      }
    };
    for (const TableSpec& table : config_tables()) {
      if (table.owner == TableSpec::Owner::run) {
        add(table, target_);
      }
    }
    if (config_.data.custom_template) {
      Target target;
      target.chat_template = &*config_.data.custom_template;
      add(*find_table("data.custom_template"), target);
    }
    add_options("precision", config_.precision.tables);
    add_options("features", config_.features);
  }

  void add_options(
      const std::string& parent,
      const std::map<std::string, OptionTable>& tables) {
    for (const auto& [name, table] : tables) {
      const std::string path = parent + "." + to_toml_key(name);
      if (table.values.empty()) {
        config_.effective[path] = "{}";
        config_.places[path] = table.place;
      }
      for (const auto& [key, option] : table.values) {
        const std::string full = path + "." + to_toml_key(key);
        config_.effective[full] = std::visit(
            [](const auto& value) { return to_toml(value); }, option.value);
        config_.places[full] = option.place;
      }
    }
  }

  const TomlNode& root_;
  KeySuggester suggester_;
  Problems problems_;
  RunConfig config_;
  Target target_;
  ReadContext context_;
};

} // namespace

RunConfig load_run_config(
    const std::filesystem::path& file,
    const std::vector<std::string>& overrides,
    const PluginKeys& plugin_keys) {
  TomlNode root = parse_toml(read_config_text(file), file.string());
  Problems problems;
  apply_overrides(root, overrides, problems);
  return ConfigReader(root, plugin_keys).read(file, problems);
}

RunConfig default_run_config() {
  RunConfig config;
  Target target;
  target.run = &config;
  for (const TableSpec& table : config_tables()) {
    if (table.owner == TableSpec::Owner::run) {
      set_defaults(table, target);
    }
  }
  return config;
}

} // namespace octet
