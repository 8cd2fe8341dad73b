// GPT-2's printable stand-ins for the 256 bytes: byte-level vocabularies are
// written in them. Printable Latin-1 bytes stand for themselves, the other 68
// for U+0100 and up, in order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace octet::text {

/// Each byte replaced by its character.
std::string to_byte_alphabet(std::string_view bytes);
void append_byte_alphabet(std::string_view bytes, std::string& out);

/// The byte of a character; none if it is outside the alphabet.
std::optional<unsigned char> byte_of(char32_t c);

} // namespace octet::text
