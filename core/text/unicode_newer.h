// Where tokenizers' idea of Unicode differs from that of PCRE2 and utf8proc.
//
// Each part of Hugging Face tokenizers carries the tables of another Unicode
// version: its regular expressions know 17, its normalizers 11, its
// Punctuation 8. PCRE2 10.42 knows 14 and utf8proc 2.8 knows 15. The lists
// here hold the code points between; tools/golden/tokenizer_unicode.py makes
// them.
#pragma once

#include <string>
#include <string_view>

namespace octet::text {

/// Members of a general category ("L" includes "Lu", "Lo", ...) or of the
/// script "Han" that are newer than PCRE2's tables, as items of a PCRE2
/// bracket class; often empty. Assigned code points keep their category, so
/// that adding is enough; U+1171E alone moved, from Mn to Mc, both in \p{M}.
std::string newer_code_points(std::string_view property);

/// The two-letter category of such a code point, "" for all others.
std::string_view newer_category(char32_t c);

/// Lists of exceptions to what utf8proc says.
enum class Exception {
  inert, ///< normalizers neither decompose, reorder nor compose it
  in_punctuation,
  not_in_punctuation,
  in_number,
  in_mark,
  not_in_mark
};
bool is_exception(Exception list, char32_t c);

/// Lowercase of one code point that has a single one.
char32_t to_lowercase(char32_t c);

} // namespace octet::text
