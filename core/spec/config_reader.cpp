// Typed reads of config.json: what does not fit becomes a problem, and the
// reading goes on, so that all problems are told at once.
#include "core/spec/config_reader.h"

#include <cmath>

namespace octet {

namespace {

std::string range_text(int64_t least, int64_t most) {
  return "a whole number from " + std::to_string(least) + " to " +
      std::to_string(most);
}

} // namespace

const nlohmann::json* ConfigReader::find(const std::string& key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string ConfigReader::shown(const std::string& key) const {
  const nlohmann::json* value = find(key);
  std::string text = value ? value->dump() : "null";
  if (text.size() > 60) {
    text = text.substr(0, 57) + "...";
  }
  return prefix_ + key + " = " + text;
}

std::optional<int64_t> ConfigReader::integer(
    const std::string& key,
    int64_t least,
    int64_t most) const {
  const nlohmann::json* value = find(key);
  if (!value) {
    return std::nullopt;
  }
  double number = std::numeric_limits<double>::quiet_NaN();
  if (value->is_number()) {
    number = value->get<double>();
  }
  // Some exporters write whole numbers as 4096.0.
  if (!(number >= static_cast<double>(least) &&
        number <= static_cast<double>(most)) ||
      number != std::floor(number)) {
    problems_.add(
        "expected " + range_text(least, most) + ", found " + shown(key));
    return std::nullopt;
  }
  return value->is_number_float() ? static_cast<int64_t>(number)
                                  : value->get<int64_t>();
}

std::optional<double> ConfigReader::positive(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (!value) {
    return std::nullopt;
  }
  const double number = value->is_number() ? value->get<double>() : 0.0;
  if (!(number > 0) || !std::isfinite(number)) {
    problems_.add("expected a number above 0, found " + shown(key));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> ConfigReader::boolean(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (!value) {
    return std::nullopt;
  }
  if (!value->is_boolean()) {
    problems_.add("expected true or false, found " + shown(key));
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<std::string> ConfigReader::string(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (!value) {
    return std::nullopt;
  }
  if (!value->is_string()) {
    problems_.add("expected a string, found " + shown(key));
    return std::nullopt;
  }
  return value->get<std::string>();
}

int64_t ConfigReader::required(
    const std::string& key,
    int64_t least,
    int64_t most) const {
  if (!has(key)) {
    problems_.add(
        "expected " + range_text(least, most) + " for " + prefix_ + key +
        ", found no such key");
    return 0;
  }
  return integer(key, least, most).value_or(0);
}

} // namespace octet
