// Values of run.toml: is each of its key's type, in its range, one of its
// choices? If so it goes into its slot; if not, it becomes a problem.
#pragma once

#include "core/base/problems.h"
#include "core/config/schema.h"
#include "core/config/suggest.h"
#include "core/config/toml_tree.h"

#include <map>
#include <string>
#include <vector>

namespace octet {

struct ReadContext {
  Problems& problems;
  const KeySuggester& suggester;
  /// Where each key was written.
  std::map<std::string, SourcePlace>& places;
};

/// `train.epochs = "three" (run.toml:3)`: how messages name a value.
std::string describe_value(const std::string& path, const TomlNode& node);

/// Checks `node` against `key` and fills its slot in `target`.
/// @param path for messages: "train.epochs", "data.train[0].weight"
void read_value(
    const KeySpec& key,
    const std::string& path,
    const TomlNode& node,
    const Target& target,
    const ReadContext& context);

/// Reads every key of `table` that stands in `node` and tells the required
/// ones that do not.
/// @returns the entries that no key of the table fits, for the caller to judge
std::vector<const TomlEntry*> read_table(
    const TableSpec& table,
    const std::string& path,
    const TomlNode& node,
    const Target& target,
    const ReadContext& context);

} // namespace octet
