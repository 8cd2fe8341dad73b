// Typed access to config.json that collects every problem (private to
// core/spec).
#pragma once

#include "core/base/problems.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace octet {

/// Reads keys of one JSON object. A null counts as absent, as in transformers.
class ConfigReader {
 public:
  /// @param prefix of the keys in messages: "" or "rope_scaling."
  ConfigReader(
      const nlohmann::json& object,
      std::string prefix,
      Problems& problems)
      : object_(object), prefix_(std::move(prefix)), problems_(problems) {}

  const nlohmann::json& object() const {
    return object_;
  }
  bool has(const std::string& key) const {
    return find(key) != nullptr;
  }
  /// Null when absent.
  const nlohmann::json* find(const std::string& key) const;

  /// A whole number in [least, most]; nothing when absent or wrong (the
  /// latter is a problem).
  std::optional<int64_t>
  integer(const std::string& key, int64_t least, int64_t most) const;
  /// A finite number > 0.
  std::optional<double> positive(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  std::optional<std::string> string(const std::string& key) const;

  /// As integer(), but absence is a problem; 0 then.
  int64_t required(const std::string& key, int64_t least, int64_t most) const;

  /// "key = value" as found, for messages.
  std::string shown(const std::string& key) const;
  void problem(const std::string& text) const {
    problems_.add(text);
  }

 private:
  const nlohmann::json& object_;
  std::string prefix_;
  Problems& problems_;
};

} // namespace octet
