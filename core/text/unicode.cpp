// Code points and character classes; see unicode.h.
#include "core/text/unicode.h"

#include "core/text/unicode_newer.h"

#include <utf8proc.h>

namespace octet::text {

namespace {

/// Length of the valid sequence at `text[i]`, or 0; `bad` is then how many
/// bytes one replacement character stands for.
size_t sequence_length(std::string_view text, size_t i, size_t& bad) {
  const auto byte = [&](size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const unsigned first = byte(i);
  bad = 1;
  if (first < 0x80) {
    return 1;
  }
  size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    low = first == 0xE0 ? 0xA0 : low;
    high = first == 0xED ? 0x9F : high;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    low = first == 0xF0 ? 0x90 : low;
    high = first == 0xF4 ? 0x8F : high;
  } else {
    return 0;
  }
  for (size_t k = 1; k < length; ++k) {
    const unsigned next = byte(i + k);
    if (i + k >= text.size() || next < low || next > high) {
      bad = k;
      return 0;
    }
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

/// "Lu", "Nd", ...; of code points newer than utf8proc's tables too.
std::string_view category(char32_t c) {
  const std::string_view newer = newer_category(c);
  return newer.empty()
      ? utf8proc_category_string(static_cast<utf8proc_int32_t>(c))
      : newer;
}

} // namespace

size_t find_invalid_utf8(std::string_view text) {
  size_t bad = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t length = sequence_length(text, i, bad);
    if (length == 0) {
      return i;
    }
    i += length;
  }
  return std::string_view::npos;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t bad = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t length = sequence_length(text, i, bad);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      i += bad;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out;
}

char32_t next_code_point(std::string_view text, size_t& position) {
  const auto byte = [&](size_t at) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at]));
  };
  const char32_t first = byte(position);
  if (first < 0x80) {
    position += 1;
    return first;
  }
  if (first < 0xE0) {
    const char32_t c = (first & 0x1F) << 6 | (byte(position + 1) & 0x3F);
    position += 2;
    return c;
  }
  if (first < 0xF0) {
    const char32_t c = (first & 0x0F) << 12 | (byte(position + 1) & 0x3F) << 6 |
        (byte(position + 2) & 0x3F);
    position += 3;
    return c;
  }
  const char32_t c = (first & 0x07) << 18 | (byte(position + 1) & 0x3F) << 12 |
      (byte(position + 2) & 0x3F) << 6 | (byte(position + 3) & 0x3F);
  position += 4;
  return c;
}

char32_t previous_code_point(std::string_view text, size_t position) {
  size_t start = position - 1;
  while ((static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) {
    --start;
  }
  return next_code_point(text, start);
}

void append_utf8(std::string& out, char32_t c) {
  const auto push = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    push(c);
  } else if (c < 0x800) {
    push(0xC0 | c >> 6);
    push(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    push(0xE0 | c >> 12);
    push(0x80 | (c >> 6 & 0x3F));
    push(0x80 | (c & 0x3F));
  } else {
    push(0xF0 | c >> 18);
    push(0x80 | (c >> 12 & 0x3F));
    push(0x80 | (c >> 6 & 0x3F));
    push(0x80 | (c & 0x3F));
  }
}

std::string to_utf8(char32_t code_point) {
  std::string out;
  append_utf8(out, code_point);
  return out;
}

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 ||
      c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
      c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_numeric(char32_t c) {
  if (c < 0x80) {
    return c >= '0' && c <= '9';
  }
  const std::string_view found = category(c);
  return found == "Nd" || found == "Nl" || found == "No" ||
      is_exception(Exception::in_number, c);
}

bool is_word(char32_t c) {
  const std::string_view found = category(c);
  if (found[0] == 'L' || found[0] == 'M' || found == "Nd" || found == "Nl" ||
      found == "Pc") {
    return true;
  }
  // Alphabetic symbols (circled and squared letters) and Join_Control.
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
      (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189) ||
      c == 0x200C || c == 0x200D;
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) {
    return (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) ||
        (c >= 0x5B && c <= 0x60) || (c >= 0x7B && c <= 0x7E);
  }
  return (category(c)[0] == 'P' &&
          !is_exception(Exception::not_in_punctuation, c)) ||
      is_exception(Exception::in_punctuation, c);
}

bool is_mark(char32_t c) {
  return (category(c)[0] == 'M' && !is_exception(Exception::not_in_mark, c)) ||
      is_exception(Exception::in_mark, c);
}

} // namespace octet::text
