// Checks a plugin's table of run.toml against its manifest, before anything of
// the plugin is loaded.
#include "core/base/problems.h"
#include "core/plugin/manifest.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace octet {

namespace {

using Value = decltype(OptionValue::value);

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "\"";
}

std::string real_text(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  if (text.find_first_not_of("-0123456789") == std::string::npos) {
    text += ".0";
  }
  return text;
}

struct ToText {
  std::string operator()(bool value) const {
    return value ? "true" : "false";
  }
  std::string operator()(int64_t value) const {
    return std::to_string(value);
  }
  std::string operator()(double value) const {
    return real_text(value);
  }
  std::string operator()(const std::string& value) const {
    return quoted(value);
  }
  std::string operator()(const std::vector<std::string>& values) const {
    std::string text = "[";
    for (size_t i = 0; i < values.size(); ++i) {
      text += (i > 0 ? ", " : "") + quoted(values[i]);
    }
    return text + "]";
  }
};

// The alternative of the variant that holds values of this type.
size_t index_of(OptionType type) {
  return static_cast<size_t>(type);
}

std::string range_text(const OptionSpec& spec) {
  const auto text = [&](double value) {
    return spec.type == OptionType::integer
        ? std::to_string(static_cast<int64_t>(value))
        : real_text(value);
  };
  if (spec.minimum && spec.maximum) {
    return text(*spec.minimum) + " to " + text(*spec.maximum);
  }
  return spec.minimum ? "at least " + text(*spec.minimum)
                      : "at most " + text(*spec.maximum);
}

// The problem with a value of the right type, or "".
std::string value_problem(const OptionSpec& spec, const Value& value) {
  const bool integer = std::holds_alternative<int64_t>(value);
  if (integer || std::holds_alternative<double>(value)) {
    const double number = integer
        ? static_cast<double>(std::get<int64_t>(value))
        : std::get<double>(value);
    if (!std::isfinite(number)) {
      return "expected a finite number, found " + to_string(value);
    }
    if ((spec.minimum && number < *spec.minimum) ||
        (spec.maximum && number > *spec.maximum)) {
      return "expected " + range_text(spec) + ", found " + to_string(value);
    }
    return "";
  }
  std::vector<std::string> texts;
  if (const auto* text = std::get_if<std::string>(&value)) {
    texts = {*text};
  } else if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    texts = *list;
  }
  for (const std::string& text : texts) {
    const bool known = spec.one_of.empty() ||
        std::find(spec.one_of.begin(), spec.one_of.end(), text) !=
            spec.one_of.end();
    if (!known) {
      const std::string nearest = nearest_name(text, spec.one_of);
      return "expected one of " + join_names(spec.one_of) + ", found " +
          quoted(text) +
          (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
    }
  }
  return "";
}

} // namespace

std::string to_string(PluginKind kind) {
  return kind == PluginKind::precision ? "precision" : "feature";
}

std::string to_string(OptionType type) {
  constexpr const char* kNames[] = {
      "boolean", "integer", "real", "string", "strings"};
  return kNames[index_of(type)];
}

std::string to_string(const Value& value) {
  return std::visit(ToText{}, value);
}

OptionTable check_options(
    const Manifest& manifest,
    const OptionTable& given,
    const std::string& prefix,
    Problems& problems) {
  std::vector<std::string> known;
  OptionTable complete;
  complete.place = given.place;
  for (const auto& [name, spec] : manifest.options) {
    known.push_back(name);
    complete.values[name] = {spec.default_value, {"default", 0}};
  }
  for (const auto& [name, option] : given.values) {
    const std::string where =
        prefix + "." + name + " (" + option.place.text() + ")";
    const auto found = manifest.options.find(name);
    if (found == manifest.options.end()) {
      const std::string nearest = nearest_name(name, known);
      std::string hint = "; it has no options";
      if (!nearest.empty()) {
        hint = "; did you mean " + prefix + "." + nearest + "?";
      } else if (!known.empty()) {
        hint = "; it has " + join_names(known);
      }
      problems.add(
          "unknown option " + where + " of plugin " + manifest.name + hint);
      continue;
    }
    const OptionSpec& spec = found->second;
    Value value = option.value;
    if (spec.type == OptionType::real) {
      if (const auto* integer = std::get_if<int64_t>(&value)) {
        value = static_cast<double>(*integer);
      }
    }
    if (spec.type == OptionType::strings) {
      if (const auto* text = std::get_if<std::string>(&value)) {
        value = std::vector<std::string>{*text};
      }
    }
    if (value.index() != index_of(spec.type)) {
      problems.add(
          where + ": expected a value of type " + to_string(spec.type) +
          ", found " + to_string(option.value));
      continue;
    }
    const std::string problem = value_problem(spec, value);
    if (!problem.empty()) {
      problems.add(where + ": " + problem);
      continue;
    }
    complete.values[name] = {value, option.place};
  }
  return complete;
}

} // namespace octet
