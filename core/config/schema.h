// The schema of run.toml: one row a key. Parsing, defaults, checks, help and
// the reference page (docs/config.md) all come from it. A row binds the member
// that it fills, so a key without a place in RunConfig does not compile, and a
// test finds a member that no key fills.
#pragma once

#include "core/config/run_config.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace octet {

/// The structs that rows bind members of; the one of the table at hand is set.
struct Target {
  RunConfig* run = nullptr;
  DataSetConfig* data_set = nullptr;
  TemplateConfig* chat_template = nullptr;
};

/// The member that a key fills; its type is the key's type.
using Slot = std::variant<
    bool*,
    int64_t*,
    uint64_t*,
    double*,
    std::string*,
    std::optional<std::string>*,
    std::filesystem::path*,
    std::vector<std::string>*,
    std::vector<std::filesystem::path>*,
    std::map<std::string, std::string>*,
    std::vector<DataSetConfig>*>;

using KeyValue = decltype(OptionValue::value);

struct KeySpec {
  /// Within its table: "epochs".
  std::string name;
  Slot (*slot)(const Target&) = nullptr;
  /// Unset: the key is required, or its default is told by default_text.
  std::optional<KeyValue> fallback = {};
  /// How the default comes about when it is not a constant.
  std::string default_text = {};
  bool required = false;
  std::optional<double> minimum = {}, maximum = {};
  /// The bounds themselves are not allowed.
  bool above_minimum = false, below_maximum = false;
  bool allow_empty = true;
  std::vector<std::string> one_of = {};
  /// A sentence, without the period at its end.
  std::string help = {};
  /// A value in TOML syntax.
  std::string example = {};
  /// What other trainers call it, for "did you mean".
  std::vector<std::string> also_called = {};
};

/// A table of run.toml, or the form of one: "data.train[]" stands for each
/// element of data.train and data.eval.
struct TableSpec {
  enum class Owner { run, data_set, chat_template, plugin };

  std::string path;
  Owner owner = Owner::run;
  std::string help;
  std::vector<KeySpec> keys;
};

/// All tables in the order of the reference page.
const std::vector<TableSpec>& config_tables();

/// The table of that path, or null.
const TableSpec* find_table(const std::string& path);

/// A key of a table of RunConfig by its full path, e.g. "train.epochs".
const KeySpec* find_key(const std::string& path);

/// Full paths of all keys of RunConfig: "run.name", ...
std::vector<std::string> key_paths();

/// "integer", "number", "string", "array of paths", ...
std::string type_name(const TableSpec& table, const KeySpec& key);

/// "at least 0 and less than 1", or "" when any value goes.
std::string range_text(const KeySpec& key);

/// The default as TOML writes it, or how it comes about; "" when required.
std::string default_text(const KeySpec& key);

/// What a slot holds as TOML writes it; "" for an unset optional.
std::string slot_text(const Slot& slot);

/// Fills every slot of a table with its default.
void set_defaults(const TableSpec& table, const Target& target);

/// Puts a value of the slot's own type into it. @param value a number for a
/// number, a string for a string or a path, ...
void fill_slot(const Slot& slot, const KeyValue& value);

} // namespace octet
