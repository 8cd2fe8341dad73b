// Parsing and evaluation of a relation's condition; see the header.
#include "core/plugin/condition.h"

#include "core/base/problems.h"
#include "core/config/stages.h"
#include "core/plugin/inspect.h"
#include "core/plugin/words.h"

#include <algorithm>
#include <charconv>

namespace octet {

namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw Failure(ExitCode::resolution, "condition", text);
}

// As much of a text as a message needs.
std::string shown(std::string_view text) {
  constexpr size_t kMost = 80;
  return text.size() <= kMost ? std::string(text)
                              : printable(std::string(text)) + "...";
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
      shown(text));
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

// Takes a condition apart from the front. Written out: std::regex goes one call
// deeper a character, and this text may come out of any file.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // A clause: key, == or !=, then a quoted text or a bare word.
  ConditionClause clause() {
    const std::string_view from = rest_;
    skip_spaces();
    const auto key = take(size_of_key());
    skip_spaces();
    const auto sign = take(2);
    skip_spaces();
    const auto value = take(size_of_value());
    if (key.empty() || (sign != "==" && sign != "!=") || value.empty()) {
      refuse(
          "expected conditions such as recipe == \"rowwise\" and stage != "
          "\"pt\", found " +
          shown(from));
    }
    skip_spaces();
    return {std::string(key), sign == "==", parse_value(std::string(value))};
  }

  // Whether "and" and one more clause follow; takes the "and".
  bool another() {
    if (rest_.empty()) {
      return false;
    }
    if (rest_.substr(0, 4) != "and " || rest_.size() == 4) {
      refuse("expected \"and\" and one more condition, found " + shown(rest_));
    }
    rest_.remove_prefix(4);
    return true;
  }

 private:
  static constexpr std::string_view kSpaces = " \t";

  void skip_spaces() {
    rest_.remove_prefix(
        std::min(rest_.find_first_not_of(kSpaces), rest_.size()));
  }

  std::string_view take(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  size_t size_of_key() const {
    const size_t end =
        rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
    const size_t size = std::min(end, rest_.size());
    return is_word(rest_.substr(0, size), "_") ? size : 0;
  }

  size_t size_of_value() const {
    if (rest_.substr(0, 1) == "\"") {
      const size_t end = rest_.find('"', 1);
      return end == std::string_view::npos ? 0 : end + 1;
    }
    return std::min(rest_.find_first_of(" \t\""), rest_.size());
  }

  std::string_view rest_;
};

void check_stage(const ConditionClause& clause) {
  const auto* stage = std::get_if<std::string>(&clause.value);
  if (stage == nullptr) {
    refuse("expected a \"text\" to compare stage with");
  }
  const std::vector<std::string>& stages = training_stages();
  if (std::find(stages.begin(), stages.end(), *stage) == stages.end()) {
    const std::string nearest = nearest_name(*stage, stages);
    refuse(
        "stage is never \"" + shown(*stage) + "\", but one of " +
        join_names(stages) +
        (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
  }
}

} // namespace

Condition parse_condition(const std::string& text) {
  if (text.empty()) {
    return {};
  }
  Condition condition;
  Scanner scanner(text);
  do {
    condition.push_back(scanner.clause());
  } while (scanner.another());
  return condition;
}

void check_condition(const Condition& condition, const Manifest& manifest) {
  std::vector<std::string> known = {"stage"};
  for (const auto& [name, spec] : manifest.options) {
    known.push_back(name);
  }
  for (const ConditionClause& clause : condition) {
    if (clause.key == "stage") {
      check_stage(clause);
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
