// GPT-2's byte alphabet; see byte_alphabet.h.
#include "core/text/byte_alphabet.h"

#include "core/text/unicode.h"

#include <array>

namespace octet::text {

namespace {

struct Alphabet {
  std::array<std::string, 256> text;
  std::array<int, 0x144> byte;

  Alphabet() {
    byte.fill(-1);
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) ||
          (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
      const char32_t c = printable ? static_cast<char32_t>(b) : next++;
      text[b] = to_utf8(c);
      byte[c] = static_cast<int>(b);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet made;
  return made;
}

} // namespace

void append_byte_alphabet(std::string_view bytes, std::string& out) {
  const Alphabet& table = alphabet();
  for (const char c : bytes) {
    out += table.text[static_cast<unsigned char>(c)];
  }
}

std::string to_byte_alphabet(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  append_byte_alphabet(bytes, out);
  return out;
}

std::optional<unsigned char> byte_of(char32_t c) {
  const Alphabet& table = alphabet();
  if (c >= table.byte.size() || table.byte[c] < 0) {
    return std::nullopt;
  }
  return static_cast<unsigned char>(table.byte[c]);
}

} // namespace octet::text
