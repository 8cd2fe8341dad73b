// A piece of tokenizer.json that knows where it stands, so that every message
// names the file and the key.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace octet::text {

class JsonPart {
 public:
  JsonPart(const nlohmann::json& value, std::string file, std::string path)
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

  const nlohmann::json& value() const {
    return *value_;
  }
  const std::string& path() const {
    return path_;
  }

  /// Whether the key is there and not null.
  bool has(const std::string& key) const;
  /// @throws Failure(input) when it is missing
  JsonPart at(const std::string& key) const;
  /// The items of the array under `key`; none when the key is missing.
  std::vector<JsonPart> items(const std::string& key) const;

  /// The value under `key`. @throws Failure(input) on another type
  std::string text(const std::string& key) const;
  std::string text_or(const std::string& key, const std::string& other) const;
  bool flag_or(const std::string& key, bool other) const;
  int64_t integer(const std::string& key) const;
  /// A text of one code point. @throws Failure(input)
  char32_t character(const std::string& key) const;

  /// @throws Failure(input): "[tokenizer] FILE, PATH: message"
  [[noreturn]] void fail(const std::string& message) const;
  /// @throws Failure(input) naming the type and the known ones
  [[noreturn]] void fail_type(const std::vector<std::string>& known) const;

 private:
  const nlohmann::json* value_;
  std::string file_;
  std::string path_;
};

} // namespace octet::text
