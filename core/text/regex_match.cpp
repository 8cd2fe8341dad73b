// Compiling and matching with PCRE2 and its JIT; see regex.h.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <octet/error.h>
#include "core/text/regex.h"
#include "core/text/unicode.h"

namespace octet::text {

namespace {

/// A compiled pattern is shared between threads; these are not.
struct Scratch {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  // Patterns with groups inside repeats need more than the JIT's own 32 KiB
  // on long words.
  pcre2_jit_stack* stack =
      pcre2_jit_stack_create(32 * 1024, 64 * 1024 * 1024, nullptr);

  Scratch() {
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Scratch() {
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
    pcre2_match_data_free(data);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

std::string pcre_message(int code) {
  unsigned char buffer[256];
  pcre2_get_error_message(code, buffer, sizeof(buffer));
  return reinterpret_cast<const char*>(buffer);
}

} // namespace

struct Regex::Code {
  explicit Code(pcre2_code* code) : compiled(code) {}
  ~Code() {
    pcre2_code_free(compiled);
  }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  pcre2_code* compiled;
};

Regex::Regex(std::string_view oniguruma_pattern) {
  compile(translate_oniguruma(oniguruma_pattern), oniguruma_pattern);
}

Regex Regex::literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool plain = static_cast<unsigned char>(c) >= 0x80 || c == ' ' ||
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
        (c >= 'a' && c <= 'z');
    if (c == '\0') {
      escaped += "\\x00";
    } else {
      if (!plain) {
        escaped += '\\';
      }
      escaped += c;
    }
  }
  Regex regex;
  regex.compile(escaped, text);
  return regex;
}

void Regex::compile(std::string_view pcre, std::string_view shown) {
  auto* context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto* compiled = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(pcre.data()),
      pcre.size(),
      PCRE2_UTF | PCRE2_UCP,
      &error,
      &offset,
      context);
  pcre2_compile_context_free(context);
  if (compiled == nullptr) {
    throw Error(
        "regex",
        "expected a pattern that compiles, got \"" + std::string(shown) +
            "\": " + pcre_message(error) + " (near offset " +
            std::to_string(offset) + ")");
  }
  code_ = std::make_shared<Code>(compiled);
  // Without a JIT on this machine pcre2_match interprets: slower, same result.
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
}

void Regex::find_all(std::string_view text, std::vector<Match>& out) const {
  out.clear();
  Scratch& mine = scratch();
  constexpr size_t kNone = static_cast<size_t>(-1);
  size_t from = 0;
  size_t last_end = kNone;
  while (from <= text.size()) {
    const int found = pcre2_match(
        code_->compiled,
        reinterpret_cast<PCRE2_SPTR>(text.data()),
        text.size(),
        from,
        PCRE2_NO_UTF_CHECK,
        mine.data,
        mine.context);
    if (found == PCRE2_ERROR_NOMATCH) {
      return;
    }
    if (found < 0) {
      throw Error(
          "regex",
          "a split pattern gave up on a text of " +
              std::to_string(text.size()) + " bytes: " + pcre_message(found));
    }
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(mine.data);
    const size_t begin = bounds[0];
    const size_t end = bounds[1];
    if (begin == end && end == last_end) {
      if (from == text.size()) {
        return;
      }
      next_code_point(text, from);
      continue;
    }
    out.push_back({begin, end});
    from = end;
    last_end = end;
  }
}

} // namespace octet::text
