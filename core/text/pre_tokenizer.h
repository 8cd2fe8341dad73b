// Pre-tokenizers of tokenizer.json: cut a text into the pieces that BPE merges
// within.
#pragma once

#include "core/text/json_part.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace octet::text {

struct Span {
  size_t begin;
  size_t end;
  bool starts_input; ///< its first character is the first of the input
};

/// A text and the pieces of it. Splitting changes the spans only; a step that
/// changes characters writes a new text.
struct Pieces {
  std::string text;
  std::vector<Span> spans;

  std::string_view view(const Span& span) const {
    return std::string_view(text).substr(span.begin, span.end - span.begin);
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Pieces& pieces) const = 0;
};

/// @param part the "pre_tokenizer" value; null gives nullptr
/// @throws Failure(input) naming what is not supported
std::unique_ptr<const PreTokenizer> read_pre_tokenizer(const JsonPart& part);

} // namespace octet::text
