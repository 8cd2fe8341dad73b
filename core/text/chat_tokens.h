// A rendered chat as tokens. The ids are those of the whole text, as
// apply_chat_template(tokenize=True) gives them; the parts are found in them.
#pragma once

#include "core/text/template.h"
#include "core/text/tokenizer.h"

#include <cstdint>
#include <vector>

namespace octet {

/// Tokens [begin, end) of one part.
struct TokenSpan {
  int64_t begin = 0;
  int64_t end = 0;
  bool target = false;
};

struct ChatTokens {
  std::vector<int32_t> ids;
  /// One a segment, in order; together they cover all ids.
  std::vector<TokenSpan> spans;
  /// A token crosses the boundary of two parts. It counts to the part in which
  /// it starts.
  bool crossed = false;
};

/// @param segments the whole chat; neighbours with the same `target` count as
/// one part
ChatTokens tokenize_chat(
    const std::vector<ChatSegment>& segments,
    const Tokenizer& tokenizer);

} // namespace octet
