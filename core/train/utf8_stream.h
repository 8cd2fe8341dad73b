// Text of tokens as they come, in whole characters: a token may end in the
// middle of one, and how it decodes may depend on the token before it.
#pragma once

#include "core/text/tokenizer.h"

#include <string>
#include <vector>

namespace octet {

class Utf8Stream {
 public:
  explicit Utf8Stream(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  /// @returns the text that this token completes; may be empty
  std::string push(int32_t token);
  /// What is left: bytes that never became a character, as U+FFFD.
  std::string finish();

 private:
  std::string rest(bool incomplete_too);

  const Tokenizer& tokenizer_;
  std::vector<int32_t> tokens_;
  /// Tokens from here are decoded; those before `shown_` were told.
  size_t context_ = 0, shown_ = 0;
};

} // namespace octet
