// Regular expressions of tokenizer files, run by PCRE2.
//
// The files are written for Oniguruma in its Ruby syntax. A pattern is
// rewritten so that PCRE2 finds the same matches: character classes become
// explicit sets, since \s, \w and \d differ between the two, and constructs
// without an equal in PCRE2 are refused by name.
// Sources: Oniguruma's doc/RE; pcre2pattern(3).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace octet::text {

struct Match {
  size_t begin;
  size_t end;
};

/// The pattern as PCRE2 must read it.
/// @throws Error("regex") naming the construct that has no equal
std::string translate_oniguruma(std::string_view pattern);

class Regex {
 public:
  /// @throws Error("regex") when the pattern cannot be translated or compiled
  explicit Regex(std::string_view oniguruma_pattern);
  /// A regex that matches exactly this text.
  static Regex literal(std::string_view text);

  /// All matches in `text` (valid UTF-8), leftmost first, without overlap. An
  /// empty match right behind another match is not reported. Thread-safe.
  /// @throws Error("regex") when PCRE2 gives up on the text
  void find_all(std::string_view text, std::vector<Match>& out) const;

 private:
  struct Code;
  Regex() = default;
  void compile(std::string_view pcre, std::string_view shown);

  std::shared_ptr<const Code> code_;
};

} // namespace octet::text
