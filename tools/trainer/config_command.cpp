// trainer config help | reference | show
#include "core/config/help.h"
#include "core/config/load.h"
#include "core/config/schema.h"
#include "core/config/suggest.h"
#include "core/config/toml_tree.h"
#include "tools/trainer/command_line.h"
#include "tools/trainer/commands.h"
#include "tools/trainer/option_help.h"
#include "tools/trainer/plugin_catalog.h"
#include "tools/trainer/run_options.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer config",
      "help [KEY | TABLE] | reference | show --config F [--set KEY=VALUE]",
      "help explains the keys of run.toml, also those of plugins; reference "
      "prints\ndocs/config.md; show prints the effective value of every key of "
      "a file, as TOML,\nand who set it.",
      {{"trainer config help train.learning_rate", "one key"},
       {"trainer config help train", "one table"},
       {"trainer config show --config run.toml --set train.epochs=1",
        "every value that a run would have"}});
  add_config_options(line.options());
  line.positional("words", 2);
  return line;
}

// Text about a plugin's table or option, "" when no plugin has it.
std::string plugin_help(const std::string& name, const CommandLine& line) {
  const Catalog catalog = catalog_of(line);
  for (const CatalogEntry& entry : catalog.entries) {
    if (entry.status != PluginStatus::ready) {
      continue;
    }
    const std::string table = table_of(entry.manifest);
    if (name == table || name == entry.manifest.name) {
      return "[" + table + "]\n  " + entry.manifest.summary + "\n" +
          options_text(entry.manifest);
    }
    for (const auto& [key, option] : entry.manifest.options) {
      if (name == table + "." + key) {
        return table + "." + key + "\n" + option_text(key, option);
      }
    }
  }
  return "";
}

// A name without its table counts when one key alone has it.
std::string full_key(const std::string& name) {
  std::string found;
  for (const std::string& path : key_paths()) {
    if (path.ends_with("." + name)) {
      if (!found.empty()) {
        return "";
      }
      found = path;
    }
  }
  return found;
}

ExitCode help(const std::string& asked, const CommandLine& line) {
  if (asked.empty()) {
    std::cout << help_overview();
    return ExitCode::success;
  }
  std::string name = asked;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  if (const TableSpec* table = find_table(name)) {
    std::cout << help_table(*table);
    return ExitCode::success;
  }
  const std::string key = find_key(name) != nullptr ? name : full_key(name);
  if (!key.empty()) {
    std::cout << help_key(
        *find_table(key.substr(0, key.rfind('.'))), *find_key(key));
    return ExitCode::success;
  }
  const std::string text = plugin_help(name, line);
  if (!text.empty()) {
    std::cout << text;
    return ExitCode::success;
  }
  const KeySuggester suggester(plugin_keys(line));
  const std::vector<std::string> meant =
      suggester.meant(nullptr, name.substr(name.rfind('.') + 1));
  throw Failure(
      ExitCode::usage,
      "config",
      "no key or table is called " + asked +
          (meant.empty() ? "; `trainer config help` lists them all"
                         : "; did you mean " + join_names(meant) + "?"));
}

ExitCode show(const CommandLine& line) {
  const RunConfig config = config_of(line);
  // effective is sorted by path; tables with tables inside come first so that
  // what is printed is TOML.
  std::map<std::string, std::vector<std::string>> tables;
  for (const auto& [path, value] : config.effective) {
    if (value == "{}" && path.find('.') != std::string::npos &&
        find_key(path) == nullptr) {
      tables[path];
      continue;
    }
    const size_t dot = path.rfind('.');
    const auto place = config.places.find(path);
    std::string text = path.substr(dot + 1) + " = " + value;
    text.resize(std::max<size_t>(text.size() + 2, 44), ' ');
    tables[path.substr(0, dot)].push_back(
        text + "# " +
        (place == config.places.end() ? "default" : place->second.text()));
  }
  const char* gap = "";
  for (const auto& [table, keys] : tables) {
    std::cout << gap << "[" << table << "]\n";
    for (const std::string& key : keys) {
      std::cout << key << "\n";
    }
    gap = "\n";
  }
  return ExitCode::success;
}

} // namespace

ExitCode run_config(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const std::vector<std::string> words = line.all("words");
  const std::string action = words.empty() ? "" : words.front();
  if (action == "help") {
    return help(words.size() > 1 ? words[1] : "", line);
  }
  if (action == "reference" && words.size() == 1) {
    std::cout << reference_page();
    return ExitCode::success;
  }
  if (action == "show" && words.size() == 1) {
    return show(line);
  }
  throw Failure(
      ExitCode::usage,
      "trainer",
      "expected trainer config help, reference or show, found " +
          (action.empty() ? "nothing" : "\"" + action + "\"") +
          "; see `trainer config --help`");
}

} // namespace octet
