// TOML as a plain tree with the place of every value, so that toml++ (slow to
// compile) is included in one file of this folder.
#pragma once

#include "core/config/run_config.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

enum class TomlKind { boolean, integer, real, string, date, array, table };

struct TomlEntry;

/// A value, an array or a table. Only the member of its kind is meaningful.
struct TomlNode {
  TomlKind kind = TomlKind::table;
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  /// The string, or the text of a date or time.
  std::string string;
  std::vector<TomlNode> items;
  /// In the order of the file.
  std::vector<TomlEntry> entries;
  /// Where its key (or, in an array, the value itself) stands.
  SourcePlace place;

  const TomlNode* find(std::string_view key) const;
  TomlNode* find(std::string_view key);
};

struct TomlEntry {
  std::string key;
  TomlNode node;
};

/// @param text a TOML document
/// @param file names the text in messages and places
/// @throws Failure(usage): "[config] run.toml:5:9: not valid TOML: ..." with
/// the line's text
TomlNode parse_toml(std::string_view text, const std::string& file);

/// The parts of a dotted key: `a."b.c"` -> {"a", "b.c"}; empty when it is not
/// a key.
std::vector<std::string> parse_toml_key(std::string_view key);

/// One value in TOML syntax, e.g. `[1, 2]`.
/// @returns false when `text` is anything else than one value
bool parse_toml_value(std::string_view text, TomlNode& out);

/// "a string", "an integer", ...: for messages.
std::string kind_name(TomlKind kind);

/// Values as TOML writes them.
std::string to_toml(const std::string& value);
std::string to_toml(double value);
std::string to_toml(int64_t value);
std::string to_toml(bool value);
std::string to_toml(const std::vector<std::string>& values);
/// The whole node on one line.
std::string to_toml(const TomlNode& node);
/// A key, quoted where TOML asks for it.
std::string to_toml_key(const std::string& key);

} // namespace octet
