// Decodes a short window: the part already told, and the part with the new
// token; what the second has more is new.
#include "core/train/utf8_stream.h"

namespace octet {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

} // namespace

std::string Utf8Stream::push(int32_t token) {
  tokens_.push_back(token);
  return rest(false);
}

std::string Utf8Stream::finish() {
  return rest(true);
}

std::string Utf8Stream::rest(bool incomplete_too) {
  const auto window = [&](size_t end) {
    return tokenizer_.decode(
        {tokens_.begin() + static_cast<std::ptrdiff_t>(context_),
         tokens_.begin() + static_cast<std::ptrdiff_t>(end)},
        true);
  };
  const std::string before = window(shown_);
  const std::string after = window(tokens_.size());
  const bool incomplete = after.ends_with(kReplacement) && !incomplete_too;
  if (incomplete || after.size() <= before.size()) {
    return "";
  }
  context_ = shown_;
  shown_ = tokens_.size();
  return after.substr(before.size());
}

} // namespace octet
