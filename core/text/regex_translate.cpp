// Oniguruma (Ruby syntax) to PCRE2; see regex.h.
//
// What differs and is rewritten: \s \w \d \h \b and POSIX brackets become
// explicit Unicode sets; ^ and $ match at line ends; (?m) is PCRE2's (?s);
// {,n} is {0,n}; X{n,m}+ repeats the repeat instead of being possessive; \v is
// one character; an inner [..] joins the class around it.
#include "core/text/regex.h"
#include "core/text/unicode.h"
#include "core/text/unicode_newer.h"

#include <octet/error.h>

#include <cctype>
#include <map>

namespace octet::text {

namespace {

// Contents of bracket classes.
constexpr const char* kSpace =
    "\\x09-\\x0D\\x20\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}"
    "\\x{2029}\\x{202F}\\x{205F}\\x{3000}";
constexpr const char* kNotSpace =
    "\\x00-\\x08\\x0E-\\x1F\\x21-\\x{84}\\x{86}-\\x{9F}\\x{A1}-\\x{167F}"
    "\\x{1681}-\\x{1FFF}\\x{200B}-\\x{2027}\\x{202A}-\\x{202E}\\x{2030}-"
    "\\x{205E}\\x{2060}-\\x{2FFF}\\x{3001}-\\x{10FFFF}";
constexpr const char* kAlphabeticSymbols =
    "\\x{24B6}-\\x{24E9}\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}"
    "\\x{1F170}-\\x{1F189}";
// In \w, though not in [[:word:]].
constexpr const char* kLatinNumbers = "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";

/// Reads a pattern from left to right and writes its translation.
class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  std::string run() {
    while (!done()) {
      step();
    }
    return out_;
  }

 private:
  bool done() const {
    return at_ >= pattern_.size();
  }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  bool starts_with(std::string_view text) const {
    return pattern_.substr(at_, text.size()) == text;
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(
        "regex",
        "cannot run the pattern \"" + std::string(pattern_) + "\": " + what +
            " (offset " + std::to_string(at_) + ")");
  }

  static std::string word_items() {
    return property_items("L", false) + property_items("M", false) +
        property_items("Nd", false) + property_items("Nl", false) +
        property_items("Pc", false) + kAlphabeticSymbols;
  }

  static std::string set(const std::string& items, bool negated = false) {
    return std::string(negated ? "[^" : "[") + items + "]";
  }

  /// \p{name} as the content of a bracket class. Code points that entered
  /// Unicode after PCRE2's tables are added to the categories they are in.
  static std::string property_items(const std::string& name, bool negated) {
    // A bare script name would mean PCRE2's wider Script_Extensions.
    const std::string property = name.size() > 2 ? "sc:" + name : name;
    if (negated) {
      return "\\P{" + property + "}";
    }
    return "\\p{" + property + "}" + newer_code_points(name);
  }

  /// After `\p` or `\P`: the content for a class, or a whole class outside.
  std::string property(bool inside) {
    bool negated = pattern_[at_ + 1] == 'P';
    at_ += 2;
    std::string name;
    if (peek() == '{') {
      const size_t close = pattern_.find('}', at_);
      if (close == std::string_view::npos) {
        refuse("a \\p{ without }");
      }
      name = pattern_.substr(at_ + 1, close - at_ - 1);
      at_ = close + 1;
    } else {
      refuse("\\p without {name}");
    }
    if (!name.empty() && name[0] == '^') {
      negated = !negated;
      name.erase(0, 1);
    }
    static const std::map<std::string, std::string> kLongNames = {
        {"Letter", "L"},
        {"Mark", "M"},
        {"Number", "N"},
        {"Punctuation", "P"},
        {"Symbol", "S"},
        {"Separator", "Z"},
        {"Other", "C"},
        {"Digit", "Nd"}};
    const auto found = kLongNames.find(name);
    if (found != kLongNames.end()) {
      name = found->second;
    }
    if (name == "Alpha" || name == "Alnum" || name == "Space" ||
        name == "Word") {
      refuse("\\p{" + name + "} is not supported");
    }
    if (!inside) {
      return set(property_items(name, false), negated);
    }
    if (negated && !newer_code_points(name).empty()) {
      // A negated property inside a class cannot leave single code points
      // out; those added since PCRE2's tables count as not in it.
      return property_items(name, true);
    }
    return property_items(name, negated);
  }

  std::string hex_escape() {
    if (peek(1) == 'u') {
      const std::string digits(pattern_.substr(at_ + 2, 4));
      if (digits.find_first_not_of("0123456789abcdefABCDEF") !=
              std::string::npos ||
          digits.size() != 4) {
        refuse("\\u without four hexadecimal digits");
      }
      at_ += 6;
      return "\\x{" + digits + "}";
    }
    if (peek(2) == '{') {
      const size_t close = pattern_.find('}', at_);
      if (close == std::string_view::npos) {
        refuse("\\x{ without }");
      }
      const std::string text(pattern_.substr(at_, close + 1 - at_));
      at_ = close + 1;
      return text;
    }
    const std::string digits(pattern_.substr(at_ + 2, 2));
    if (digits.size() != 2 || digits[0] < '0' || digits[0] > '7') {
      refuse("\\x of a single byte above 7F");
    }
    at_ += 4;
    return "\\x" + digits;
  }

  /// An escape that stands for characters; anchors are handled in step().
  std::string escape(bool inside) {
    const char c = peek(1);
    const auto whole = [&](const std::string& items, bool negated) {
      return inside ? items : set(items, negated);
    };
    switch (c) {
      case 'p':
      case 'P':
        return property(inside);
      case 'x':
      case 'u':
        return hex_escape();
      case 's':
        at_ += 2;
        return whole(kSpace, false);
      case 'S':
        at_ += 2;
        return inside ? kNotSpace : set(kSpace, true);
      case 'd':
        at_ += 2;
        return whole(property_items("Nd", false), false);
      case 'D':
        at_ += 2;
        return inside ? property_items("Nd", true)
                      : set(property_items("Nd", false), true);
      case 'w':
        at_ += 2;
        return whole(word_items() + kLatinNumbers, false);
      case 'W':
        if (inside) {
          refuse("\\W inside a bracket class");
        }
        at_ += 2;
        return set(word_items() + kLatinNumbers, true);
      case 'h':
        at_ += 2;
        return whole("0-9a-fA-F", false);
      case 'v':
        at_ += 2;
        return "\\x0B";
      case 'n':
      case 't':
      case 'r':
      case 'f':
      case 'a':
      case 'e':
        at_ += 2;
        return std::string("\\") + c;
      default:
        break;
    }
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
        (c >= 'a' && c <= 'z') || c == '\0') {
      refuse(std::string("\\") + c + " is not supported");
    }
    at_ += 1;
    return literal();
  }

  /// One character that means itself.
  std::string literal() {
    const size_t begin = at_;
    next_code_point(pattern_, at_);
    const std::string text(pattern_.substr(begin, at_ - begin));
    if (text.size() == 1 && !isalnum(static_cast<unsigned char>(text[0])) &&
        text[0] > ' ') {
      return "\\" + text;
    }
    return text;
  }

  std::string posix_bracket() {
    const size_t close = pattern_.find(":]", at_);
    if (close == std::string_view::npos) {
      refuse("[: without :]");
    }
    const std::string name(pattern_.substr(at_ + 2, close - at_ - 2));
    at_ = close + 2;
    if (name == "digit") {
      return property_items("Nd", false);
    }
    if (name == "space") {
      return kSpace;
    }
    if (name == "word") {
      return word_items();
    }
    if (name == "upper") {
      return property_items("Lu", false);
    }
    if (name == "lower") {
      return property_items("Ll", false);
    }
    refuse("[:" + name + ":] is not supported");
  }

  /// The content of a bracket class up to and with its `]`.
  std::string class_items() {
    std::string items;
    bool first = true;
    while (true) {
      if (done()) {
        refuse("a [ without ]");
      }
      const char c = peek();
      if (c == ']' && !first) {
        ++at_;
        return items;
      }
      first = false;
      if (starts_with("&&")) {
        refuse("&& (intersection of classes)");
      }
      if (starts_with("[:")) {
        items += posix_bracket();
      } else if (starts_with("[^")) {
        refuse("a negated class inside a class");
      } else if (c == '[') {
        ++at_;
        items += class_items();
      } else if (c == '\\') {
        items += escape(true);
      } else if (c == '-') {
        ++at_;
        items += '-';
      } else {
        items += literal();
      }
    }
  }

  void bracket_class() {
    ++at_;
    std::string open = "[";
    if (peek() == '^') {
      ++at_;
      open += '^';
    }
    emit_atom(open + class_items() + "]");
  }

  void group() {
    if (!starts_with("(?")) {
      out_ += '(';
      ++at_;
      return;
    }
    for (const std::string_view known :
         {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
      if (starts_with(known)) {
        out_ += known;
        at_ += known.size();
        return;
      }
    }
    if (starts_with("(?#")) {
      const size_t close = pattern_.find(')', at_);
      if (close == std::string_view::npos) {
        refuse("a comment without )");
      }
      open_.pop_back();
      at_ = close + 1;
      return;
    }
    if (starts_with("(?<")) {
      // Nothing refers to a name here, so the group needs none.
      const size_t close = pattern_.find('>', at_);
      if (close == std::string_view::npos) {
        refuse("a group name without >");
      }
      out_ += "(?:";
      at_ = close + 1;
      return;
    }
    size_t end = at_ + 2;
    std::string options;
    while (end < pattern_.size() && pattern_[end] != ':' &&
           pattern_[end] != ')') {
      const char option = pattern_[end++];
      if (option != 'i' && option != 'm' && option != '-') {
        refuse(std::string("the group option ") + option);
      }
      options += option == 'm' ? 's' : option;
    }
    if (end >= pattern_.size()) {
      refuse("a group without )");
    }
    out_ += "(?" + options;
    if (pattern_[end] == ')') {
      // Options up to the end of the group: no group of its own.
      open_.pop_back();
      out_ += ')';
    } else {
      out_ += ':';
    }
    at_ = end + 1;
  }

  void quantifier_braces() {
    const size_t close = pattern_.find('}', at_);
    const std::string inside(
        close == std::string_view::npos
            ? std::string_view()
            : pattern_.substr(at_ + 1, close - at_ - 1));
    const bool numbers = !inside.empty() && inside != "," &&
        inside.find_first_not_of("0123456789,") == std::string::npos;
    if (!numbers) {
      emit_atom("\\{");
      ++at_;
      return;
    }
    at_ = close + 1;
    out_ += '{' + std::string(inside[0] == ',' ? "0" : "") + inside + '}';
    if (peek() == '+') {
      out_.insert(atom_, "(?:");
      out_ += ")+";
      ++at_;
    } else if (peek() == '?') {
      if (inside.find(',') == std::string::npos) {
        refuse("{n}?");
      }
      out_ += '?';
      ++at_;
    }
  }

  void emit_atom(const std::string& text) {
    atom_ = out_.size();
    out_ += text;
  }

  void step() {
    const char c = peek();
    switch (c) {
      case '\\': {
        const char next = peek(1);
        const std::string word = set(word_items() + kLatinNumbers);
        if (next == 'b' || next == 'B') {
          const bool at_edge = next == 'b';
          emit_atom(
              "(?:(?<=" + word + ")(?" + (at_edge ? "!" : "=") + word +
              ")|(?<!" + word + ")(?" + (at_edge ? "=" : "!") + word + "))");
          at_ += 2;
        } else if (next == 'A' || next == 'z' || next == 'Z') {
          emit_atom(std::string("\\") + next);
          at_ += 2;
        } else {
          // Evaluated first: it may refuse, and it moves at_.
          const std::string text = escape(false);
          emit_atom(text);
        }
        return;
      }
      case '[':
        bracket_class();
        return;
      case '(':
        open_.push_back(out_.size());
        group();
        return;
      case ')':
        if (open_.empty()) {
          refuse("a ) without (");
        }
        atom_ = open_.back();
        open_.pop_back();
        out_ += ')';
        ++at_;
        return;
      case '{':
        quantifier_braces();
        return;
      case '^':
        emit_atom("(?m:^)");
        ++at_;
        return;
      case '$':
        emit_atom("(?m:$)");
        ++at_;
        return;
      case '|':
      case '*':
      case '+':
      case '?':
        out_ += c;
        ++at_;
        return;
      case '.':
        emit_atom(".");
        ++at_;
        return;
      default: {
        const std::string text = literal();
        emit_atom(text);
      }
    }
  }

  std::string_view pattern_;
  size_t at_ = 0;
  std::string out_;
  size_t atom_ = 0; ///< where the last atom begins in out_
  std::vector<size_t> open_; ///< where open groups begin in out_
};

} // namespace

std::string translate_oniguruma(std::string_view pattern) {
  return Translator(pattern).run();
}

} // namespace octet::text
