// What a misspelt or misplaced key was meant to be.
#pragma once

#include "core/config/load.h"
#include "core/config/schema.h"
#include "core/config/toml_tree.h"

#include <string>
#include <utility>
#include <vector>

namespace octet {

class KeySuggester {
 public:
  explicit KeySuggester(PluginKeys plugin_keys)
      : plugin_keys_(std::move(plugin_keys)) {}

  /// "unknown key train.epoch (run.toml:3); did you mean train.epochs?"
  /// @param path the table's path as written: "train", "data.train[0]"
  std::string unknown_key(
      const TableSpec& table,
      const std::string& path,
      const TomlEntry& entry) const;

  /// For an entry at the top of the file that is no table of the schema.
  std::string unknown_table(const TomlEntry& entry) const;

  /// Full paths that `name` may have meant, best first; empty when none is
  /// near. @param table the table it was written in, or null at the top
  std::vector<std::string> meant(
      const TableSpec* table,
      const std::string& name) const;

 private:
  PluginKeys plugin_keys_;
};

/// Names of the tables at the top of run.toml.
std::vector<std::string> top_table_names();

} // namespace octet
