// <think>...</think> in answers, as the templates of reasoning models treat it:
// thoughts before the last question are left out.
#pragma once

#include "core/text/template.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

struct Thought {
  std::string reasoning;
  std::string answer;
};

/// Splits at </think>; all of the content is the answer where there is none.
Thought split_thought(const std::string& content);

/// What follows the last </think>.
std::string after_thought(const std::string& content);

/// The thought in its tags, with the blank line behind it.
std::string written_thought(const Thought& thought);

std::string without_newlines_before(std::string_view text);

/// Whether message `at` comes after the last one in which the user asks. A user
/// message that only hands over a tool's result does not ask.
bool is_after_last_question(
    const std::vector<ChatMessage>& messages,
    size_t at);

} // namespace octet
