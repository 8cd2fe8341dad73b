// The words of manifests. Written out, because a listing checks thousands of
// texts and std::regex takes longer to build than a file to read.
#include "core/plugin/words.h"

#include <algorithm>

namespace octet {

namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes digits off the front. @returns how many there were
size_t skip_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto count = static_cast<size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}

bool skip(std::string_view& text, std::string_view prefix) {
  const bool there = text.substr(0, prefix.size()) == prefix;
  text.remove_prefix(there ? prefix.size() : 0);
  return there;
}

} // namespace

bool is_word(std::string_view text, std::string_view marks) {
  return !text.empty() && text.size() <= 64 && is_lower(text[0]) &&
      std::all_of(text.begin(), text.end(), [&](char c) {
        return is_lower(c) || is_digit(c) ||
            marks.find(c) != std::string_view::npos;
      });
}

bool is_name(std::string_view text) {
  return is_word(text, "-_");
}

bool is_op(std::string_view claim) {
  return claim.substr(0, 3) == "op:" && is_word(claim.substr(3), "_");
}

bool is_hook(std::string_view claim) {
  return claim == "step_end";
}

bool is_version(std::string_view text) {
  for (int part = 0; part < 3; ++part) {
    if (part > 0 && !skip(text, ".")) {
      return false;
    }
    const size_t digits = skip_digits(text);
    if (digits < 1 || digits > 6) {
      return false;
    }
  }
  return text.empty() ||
      (text.size() > 1 && text.size() <= 32 && text[0] == '-' &&
       std::all_of(text.begin(), text.end(), [](char c) {
         return is_lower(c) || is_digit(c) || c == '-' || c == '.';
       }));
}

bool is_capability(std::string_view text) {
  skip(text, ">=");
  const size_t major = skip_digits(text);
  return major >= 1 && major <= 2 && skip(text, ".") &&
      skip_digits(text) == 1 && text.empty();
}

} // namespace octet
