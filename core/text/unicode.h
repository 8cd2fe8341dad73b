// Code points and the character classes that tokenizers split on.
//
// Everything here works on valid UTF-8: encode() checks the text once with
// find_invalid_utf8 and the parts below never see anything else.
// Source of the classes: utf8proc and the lists of unicode_newer.h; the
// comments say what a class must equal in tokenizers, code point by code point.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace octet::text {

/// Offset of the first byte that starts no valid UTF-8 sequence (overlong
/// forms, surrogates and values past U+10FFFF are invalid); npos if none.
size_t find_invalid_utf8(std::string_view text);

/// Invalid sequences replaced by U+FFFD, one for each maximal part, the way
/// Rust's from_utf8_lossy does.
std::string replace_invalid_utf8(std::string_view text);

/// The code point at `position`, which moves past it. `text` must be valid.
char32_t next_code_point(std::string_view text, size_t& position);

/// The last code point before `position`. `text` must be valid and `position`
/// > 0.
char32_t previous_code_point(std::string_view text, size_t position);

void append_utf8(std::string& out, char32_t code_point);
std::string to_utf8(char32_t code_point);

/// White_Space (char::is_whitespace; \s of the regex crate).
bool is_white_space(char32_t c);
/// Nd, Nl or No (char::is_numeric).
bool is_numeric(char32_t c);
/// Alphabetic, M, Nd, Pc or Join_Control (\w of the regex crate).
bool is_word(char32_t c);
/// ASCII punctuation or P* (the Punctuation pre-tokenizer).
bool is_punctuation(char32_t c);
/// Mn, Mc or Me (the StripAccents normalizer).
bool is_mark(char32_t c);

} // namespace octet::text
