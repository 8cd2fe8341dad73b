#include "core/text/template_think.h"

namespace octet {
namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";

std::string_view
strip_newlines(std::string_view text, bool before, bool behind) {
  while (before && text.starts_with('\n')) {
    text.remove_prefix(1);
  }
  while (behind && text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  return text;
}

} // namespace

Thought split_thought(const std::string& content) {
  const std::string_view all = content;
  const size_t first = all.find(kClose);
  if (first == std::string_view::npos) {
    return {"", content};
  }
  std::string_view reasoning =
      strip_newlines(all.substr(0, first), false, true);
  const size_t open = reasoning.rfind(kOpen);
  if (open != std::string_view::npos) {
    reasoning.remove_prefix(open + kOpen.size());
  }
  return {
      std::string(strip_newlines(reasoning, true, false)),
      without_newlines_before(after_thought(content))};
}

std::string after_thought(const std::string& content) {
  const size_t last = content.rfind(kClose);
  return last == std::string::npos ? content
                                   : content.substr(last + kClose.size());
}

std::string written_thought(const Thought& thought) {
  return std::string(kOpen) + "\n" +
      std::string(strip_newlines(thought.reasoning, true, true)) + "\n" +
      std::string(kClose) + "\n\n";
}

std::string without_newlines_before(std::string_view text) {
  return std::string(strip_newlines(text, true, false));
}

bool is_after_last_question(
    const std::vector<ChatMessage>& messages,
    size_t at) {
  for (size_t i = messages.size(); i > 0; --i) {
    const ChatMessage& message = messages[i - 1];
    if (message.role == Role::user &&
        !(message.content.starts_with("<tool_response>") &&
          message.content.ends_with("</tool_response>"))) {
      return at > i - 1;
    }
  }
  return false;
}

} // namespace octet
