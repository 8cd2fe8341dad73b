// Parsing and evaluation of a relation's condition; see the header.
#include "core/plugin/condition.h"

#include "core/base/problems.h"

#include <charconv>
#include <regex>

namespace octet {

namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw Failure(ExitCode::resolution, "condition", text);
}

decltype(ConditionClause::value) parse_value(const std::string& text) {
  if (text == "true" || text == "false") {
    return text == "true";
  }
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    return text.substr(1, text.size() - 2);
  }
  const char* end = text.data() + text.size();
  int64_t integer = 0;
  auto read = std::from_chars(text.data(), end, integer);
  if (read.ec == std::errc() && read.ptr == end) {
    return integer;
  }
  double real = 0;
  read = std::from_chars(text.data(), end, real);
  if (read.ec == std::errc() && read.ptr == end) {
    return real;
  }
  refuse(
      "expected true, false, a number or a \"text\" to compare with, found " +
      text);
}

// Integers and reals compare by value: an option of type real may be compared
// with 2.
bool same(
    const decltype(ConditionClause::value)& a,
    const decltype(ConditionClause::value)& b) {
  const auto number = [](const auto& value) -> std::optional<double> {
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      return static_cast<double>(*integer);
    }
    if (const auto* real = std::get_if<double>(&value)) {
      return *real;
    }
    return std::nullopt;
  };
  const auto x = number(a), y = number(b);
  return x && y ? *x == *y : a == b;
}

bool fits(const OptionSpec& spec, const ConditionClause& clause) {
  switch (spec.type) {
    case OptionType::boolean:
      return std::holds_alternative<bool>(clause.value);
    case OptionType::integer:
      return std::holds_alternative<int64_t>(clause.value);
    case OptionType::real:
      return std::holds_alternative<double>(clause.value) ||
          std::holds_alternative<int64_t>(clause.value);
    case OptionType::string: {
      const auto* text = std::get_if<std::string>(&clause.value);
      bool known = spec.one_of.empty();
      for (const std::string& choice : spec.one_of) {
        known = known || (text != nullptr && choice == *text);
      }
      return text != nullptr && known;
    }
    case OptionType::strings:
      return false;
  }
  return false;
}

} // namespace

Condition parse_condition(const std::string& text) {
  if (text.empty()) {
    return {};
  }
  // A clause: key, == or !=, then a quoted text or a bare word.
  static const std::regex clause(
      R"re(\s*([a-z][a-z0-9_]*)\s*(==|!=)\s*("[^"]*"|[^\s"]+)\s*)re");
  Condition condition;
  std::string rest = text;
  while (!rest.empty()) {
    std::smatch match;
    if (!std::regex_search(
            rest, match, clause, std::regex_constants::match_continuous)) {
      refuse(
          "expected conditions such as recipe == \"rowwise\" and stage != "
          "\"pt\", found " +
          rest);
    }
    condition.push_back(
        {match[1].str(), match[2].str() == "==", parse_value(match[3].str())});
    rest = match.suffix();
    if (rest.empty()) {
      break;
    }
    if (rest.rfind("and ", 0) != 0 || rest.size() == 4) {
      refuse("expected \"and\" and one more condition, found " + rest);
    }
    rest = rest.substr(4);
  }
  return condition;
}

void check_condition(const Condition& condition, const Manifest& manifest) {
  std::vector<std::string> known = {"stage"};
  for (const auto& [name, spec] : manifest.options) {
    known.push_back(name);
  }
  for (const ConditionClause& clause : condition) {
    if (clause.key == "stage") {
      if (!std::holds_alternative<std::string>(clause.value)) {
        refuse("expected a \"text\" to compare stage with");
      }
      continue;
    }
    const auto found = manifest.options.find(clause.key);
    if (found == manifest.options.end()) {
      refuse(
          "expected one of " + join_names(known) + " in a condition, found " +
          clause.key);
    }
    if (!fits(found->second, clause)) {
      refuse(
          "option " + clause.key + " is never " + to_string(clause.value) +
          "; compare it with a value that it can have");
    }
  }
}

bool holds(
    const Condition& condition,
    const OptionTable& options,
    const std::string& stage) {
  for (const ConditionClause& clause : condition) {
    bool equal = false;
    if (clause.key == "stage") {
      equal = same(clause.value, stage);
    } else if (const auto found = options.values.find(clause.key);
               found != options.values.end()) {
      equal = same(clause.value, found->second.value);
    }
    if (equal != clause.equal) {
      return false;
    }
  }
  return true;
}

} // namespace octet
