// Reads one table of a manifest. Every key that is asked for counts as known;
// `finish` reports the others. Wrong values become problems with the key's
// full name and line, and a harmless value takes their place.
#pragma once

#include "core/base/problems.h"

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace octet {

class ManifestTable {
 public:
  /// @param name "plugin", "options.rank"; "" for the whole text
  ManifestTable(const toml::table& table, std::string name, Problems& problems);

  std::string text(const std::string& key, const std::string& fallback);
  bool boolean(const std::string& key, bool fallback);
  int64_t integer(
      const std::string& key,
      int64_t fallback,
      int64_t minimum,
      int64_t maximum);
  std::optional<double> optional_real(const std::string& key);
  std::vector<std::string> texts(
      const std::string& key,
      const std::vector<std::string>& fallback);
  std::string choice(
      const std::string& key,
      const std::vector<std::string>& choices,
      const std::string& fallback);

  /// A required text is not empty, unless `empty_allowed`.
  std::string required_text(const std::string& key, bool empty_allowed = false);
  bool required_boolean(const std::string& key);
  int64_t required_integer(const std::string& key);
  double required_real(const std::string& key);
  std::vector<std::string> required_texts(const std::string& key);
  /// "a" counts as ["a"]; the list is not empty.
  std::vector<std::string> text_or_texts(
      const std::string& key,
      const std::vector<std::string>& fallback);
  std::vector<std::string> required_text_or_texts(const std::string& key);
  std::string required_choice(
      const std::string& key,
      const std::vector<std::string>& choices);

  std::optional<ManifestTable> table(const std::string& key);
  std::optional<ManifestTable> required_table(const std::string& key);
  /// The tables of [[key]]; none when it is missing.
  std::vector<ManifestTable> tables(const std::string& key);

  std::vector<std::string> keys() const;
  /// These keys belong to `owner` ("kind feature"): a problem if one is there.
  void only_for(const std::string& owner, const std::vector<std::string>& keys);
  /// Counts these keys as known without a look at them.
  void ignore(const std::vector<std::string>& keys);
  /// Reports every key that nobody asked for, with the nearest known one.
  void finish();

  void problem(const std::string& key, const std::string& text) const;

 private:
  const toml::node* find(const std::string& key);
  const toml::node* require(const std::string& key);
  std::string full_name(const std::string& key) const;
  void wrong_type(
      const std::string& key,
      const std::string& expected,
      const toml::node& found) const;
  std::string checked_text(
      const std::string& key,
      const toml::node& node,
      bool empty_allowed);
  std::vector<std::string> checked_texts(
      const std::string& key,
      const toml::node& node);

  const toml::table* table_;
  std::string name_;
  Problems* problems_;
  std::set<std::string> known_;
};

} // namespace octet
