// What templates are written with: filling slots, and joining parts so that
// sources and targets take turns.
#pragma once

#include "core/text/template.h"

#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// Replaces `placeholder` (when not empty), {bos} and {eos} in one pass, so
/// that a content that happens to hold "{eos}" stays as it is.
std::string fill_slot(
    std::string_view slot,
    std::string_view placeholder,
    std::string_view content,
    const TemplateTokens& tokens);

/// Without the white space that Python's str.strip() removes at both ends.
std::string trimmed(std::string_view text);

/// @throws Failure(input): "template NAME " + reason
[[noreturn]] void refuse_chat(
    const std::string& name,
    const std::string& reason);

class ChatWriter {
 public:
  void source(std::string_view text) {
    write(text, false);
  }
  void target(std::string_view text) {
    write(text, true);
  }
  std::vector<ChatSegment> take() {
    return std::move(segments_);
  }

 private:
  void write(std::string_view text, bool target);
  std::vector<ChatSegment> segments_;
};

} // namespace octet
