// A record to tokens and labels.
//
// The label and truncation rules are LLaMA-Factory's: answers with their end
// token are trained, questions are not, and a turn that does not fit is cut on
// both sides in proportion. docs/data.md states them.
#pragma once

#include "core/data/loader.h"
#include "core/data/record.h"
#include "core/text/chat_tokens.h"
#include "core/text/template.h"
#include "core/text/tokenizer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace octet {

enum class TooLong { truncate, drop, stop };

struct EncodeOptions {
  int64_t max_length = 0;
  TooLong too_long = TooLong::truncate;
  bool train_on_prompt = false;
  /// Only the last answer is trained.
  bool mask_history = false;
};

/// Tokens of a question and its answer that stay of a turn.
struct TurnLengths {
  int64_t source = 0;
  int64_t target = 0;
};

/// Splits `room` tokens between a question and its answer: the answer stays
/// whole when it takes less than half, else the question when that does, else
/// both are cut in proportion.
TurnLengths fit_turn(int64_t source, int64_t target, int64_t room);

struct EncodedRecord {
  /// Empty tokens: the record was dropped.
  Sample sample;
  /// Tokens before any cut.
  int64_t full_length = 0;
  bool truncated = false;
  /// A token crosses from a question into an answer.
  bool crossed = false;
};

/// Adds the run's system message where the chat brings none.
std::vector<ChatMessage> with_system(
    std::vector<ChatMessage> messages,
    const std::optional<std::string>& system);

EncodedRecord encode_chat(
    const std::vector<ChatMessage>& messages,
    const ChatTemplate& chat_template,
    const Tokenizer& tokenizer,
    const EncodeOptions& options);

/// One document of stage pt: BOS where the tokenizer adds one, text, EOS; all
/// of it trained, not cut.
std::vector<int32_t> encode_document(
    const std::string& text,
    const Tokenizer& tokenizer);

/// Whether any label counts once labels are shifted by one.
bool has_target(const Sample& sample);

} // namespace octet
