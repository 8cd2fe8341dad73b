// Code points that entered Unicode after the tables of PCRE2 10.42 (Unicode
// 14), so that \p{L} and its like mean the same as in Hugging Face tokenizers.
//
// Assigned code points keep their category, so the table only ever adds. One
// that did change, U+1171E (Mn to Mc), is in \p{M} either way.
#pragma once

#include <string>
#include <string_view>

namespace octet::text {

/// The newer members of a general category ("L" includes "Lu", "Lo", ...) or
/// of the script "Han", as items of a PCRE2 bracket class; often empty.
std::string newer_code_points(std::string_view property);

/// The two-letter category of a newer code point, "" for all others.
std::string_view newer_category(char32_t c);

} // namespace octet::text
