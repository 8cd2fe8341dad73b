// Typed access to tokenizer.json; see json_part.h.
#include "core/text/json_part.h"

#include "core/base/problems.h"
#include "core/text/unicode.h"

namespace octet::text {

void JsonPart::fail(const std::string& message) const {
  throw Failure(
      ExitCode::input,
      "tokenizer",
      file_ + (path_.empty() ? "" : ", " + path_) + ": " + message);
}

void JsonPart::fail_type(const std::vector<std::string>& known) const {
  const std::string type = text("type");
  const std::string near = nearest_name(type, known);
  fail(
      "type \"" + type + "\" is not supported" +
      (near.empty() ? "" : "; did you mean \"" + near + "\"?") +
      " (supported: " + join_names(known) + ")");
}

bool JsonPart::has(const std::string& key) const {
  return value_->is_object() && value_->contains(key) &&
      !value_->at(key).is_null();
}

JsonPart JsonPart::at(const std::string& key) const {
  if (!value_->is_object()) {
    fail(std::string("expected an object, got ") + value_->type_name());
  }
  if (!has(key)) {
    fail("expected the key \"" + key + "\", found none");
  }
  return {value_->at(key), file_, path_.empty() ? key : path_ + "." + key};
}

std::vector<JsonPart> JsonPart::items(const std::string& key) const {
  std::vector<JsonPart> out;
  if (!has(key)) {
    return out;
  }
  const JsonPart list = at(key);
  if (!list.value().is_array()) {
    list.fail(
        std::string("expected an array, got ") + list.value().type_name());
  }
  size_t index = 0;
  for (const auto& item : list.value()) {
    out.emplace_back(
        item, file_, list.path() + "[" + std::to_string(index++) + "]");
  }
  return out;
}

std::string JsonPart::text(const std::string& key) const {
  const JsonPart part = at(key);
  if (!part.value().is_string()) {
    part.fail(std::string("expected a text, got ") + part.value().type_name());
  }
  return part.value().get<std::string>();
}

std::string JsonPart::text_or(const std::string& key, const std::string& other)
    const {
  return has(key) ? text(key) : other;
}

bool JsonPart::flag_or(const std::string& key, bool other) const {
  if (!has(key)) {
    return other;
  }
  const JsonPart part = at(key);
  if (!part.value().is_boolean()) {
    part.fail(
        std::string("expected true or false, got ") + part.value().type_name());
  }
  return part.value().get<bool>();
}

int64_t JsonPart::integer(const std::string& key) const {
  const JsonPart part = at(key);
  if (!part.value().is_number_integer()) {
    part.fail(
        std::string("expected an integer, got ") + part.value().type_name());
  }
  return part.value().get<int64_t>();
}

char32_t JsonPart::character(const std::string& key) const {
  const std::string value = text(key);
  size_t position = 0;
  const char32_t c = value.empty() ? 0 : next_code_point(value, position);
  if (value.empty() || position != value.size()) {
    at(key).fail("expected one character, got \"" + value + "\"");
  }
  return c;
}

} // namespace octet::text
