#include "core/text/chat_tokens.h"

#include <algorithm>

namespace octet {
namespace {

struct Boundary {
  int64_t token = 0;
  bool crossed = false;
};

// The first token that starts at or after `byte`. The tokens of the text
// before it are a prefix of the whole text's in nearly every case; where a
// token of the whole text reaches over the boundary, decoding finds it.
Boundary find_boundary(
    const std::vector<int32_t>& ids,
    std::string_view before,
    const Tokenizer& tokenizer) {
  const std::vector<int32_t> head = tokenizer.encode(before, false);
  const auto mismatch =
      std::mismatch(head.begin(), head.end(), ids.begin(), ids.end());
  const int64_t common = mismatch.first - head.begin();
  if (mismatch.first == head.end()) {
    return {common, false};
  }
  // Common tokens cover text before the boundary, so none of them counts after
  // it; go on until the decoded text reaches it.
  int64_t token = common;
  while (token < static_cast<int64_t>(ids.size())) {
    const std::vector<int32_t> part(ids.begin(), ids.begin() + token);
    const std::string text = tokenizer.decode(part, false);
    if (text.size() >= before.size()) {
      return {token, text.size() != before.size()};
    }
    ++token;
  }
  return {token, false};
}

} // namespace

ChatTokens tokenize_chat(
    const std::vector<ChatSegment>& segments,
    const Tokenizer& tokenizer) {
  std::string text;
  for (const ChatSegment& segment : segments) {
    text += segment.text;
  }
  ChatTokens result;
  result.ids = tokenizer.encode(text, false);

  std::vector<int32_t> joined;
  joined.reserve(result.ids.size());
  for (const ChatSegment& segment : segments) {
    const std::vector<int32_t> ids = tokenizer.encode(segment.text, false);
    const auto begin = static_cast<int64_t>(joined.size());
    joined.insert(joined.end(), ids.begin(), ids.end());
    result.spans.push_back(
        {begin, static_cast<int64_t>(joined.size()), segment.target});
  }
  if (joined == result.ids) {
    return result;
  }

  size_t byte = 0;
  int64_t begin = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    byte += segments[i].text.size();
    auto end = static_cast<int64_t>(result.ids.size());
    if (i + 1 < segments.size()) {
      const Boundary boundary = find_boundary(
          result.ids, std::string_view(text).substr(0, byte), tokenizer);
      end = std::max(begin, boundary.token);
      result.crossed = result.crossed || boundary.crossed;
    }
    result.spans[i] = {begin, end, segments[i].target};
    begin = end;
  }
  return result;
}

} // namespace octet
