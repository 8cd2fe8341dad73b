#include "core/data/encode.h"

#include "core/data/batch.h"

#include <algorithm>

namespace octet {
namespace {

struct Turn {
  TokenSpan source, target;
  int64_t source_size() const {
    return source.end - source.begin;
  }
  int64_t target_size() const {
    return target.end - target.begin;
  }
};

// Spans take turns; a chat that opens with an answer has an empty question, and
// text after the last answer is a question without one.
std::vector<Turn> pair_turns(const std::vector<TokenSpan>& spans) {
  std::vector<Turn> turns;
  bool open = false;
  for (const TokenSpan& span : spans) {
    if (!span.target || !open) {
      turns.emplace_back();
      turns.back().source =
          turns.back().target = {span.begin, span.begin, false};
    }
    if (span.target) {
      turns.back().target = span;
      open = false;
    } else {
      turns.back().source = span;
      turns.back().target = {span.end, span.end, true};
      open = true;
    }
  }
  return turns;
}

void append(
    Sample& sample,
    const std::vector<int32_t>& ids,
    int64_t begin,
    int64_t size,
    bool trained) {
  for (int64_t i = begin; i < begin + size; ++i) {
    const int32_t id = ids[static_cast<size_t>(i)];
    sample.tokens.push_back(id);
    sample.labels.push_back(trained ? id : static_cast<int32_t>(kIgnoreTarget));
  }
}

} // namespace

TurnLengths fit_turn(int64_t source, int64_t target, int64_t room) {
  int64_t most = 0;
  if (target * 2 < room) {
    most = room;
  } else if (source * 2 < room) {
    most = room - source;
  } else {
    // In floating point as LLaMA-Factory does it, so that ties fall alike.
    most = static_cast<int64_t>(
        static_cast<double>(room) *
        (static_cast<double>(target) / static_cast<double>(source + target)));
  }
  TurnLengths kept;
  kept.target = std::min(most, target);
  kept.source = std::min(std::max<int64_t>(room - kept.target, 0), source);
  return kept;
}

std::vector<ChatMessage> with_system(
    std::vector<ChatMessage> messages,
    const std::optional<std::string>& system) {
  if (system && !system->empty() &&
      (messages.empty() || messages.front().role != Role::system)) {
    messages.insert(messages.begin(), {Role::system, *system});
  }
  return messages;
}

EncodedRecord encode_chat(
    const std::vector<ChatMessage>& messages,
    const ChatTemplate& chat_template,
    const Tokenizer& tokenizer,
    const EncodeOptions& options) {
  const ChatTokens chat =
      tokenize_chat(chat_template.render(messages, false), tokenizer);
  std::vector<Turn> turns = pair_turns(chat.spans);
  EncodedRecord result;
  result.crossed = chat.crossed;
  result.full_length = static_cast<int64_t>(chat.ids.size());
  if (result.full_length > options.max_length &&
      options.too_long != TooLong::truncate) {
    return result;
  }
  // Text after the last answer belongs to the turn before it, or that turn
  // would not be the last one.
  int64_t tail_begin = result.full_length;
  if (!turns.empty() && turns.back().target_size() == 0) {
    tail_begin = turns.back().source.begin;
    turns.pop_back();
  }

  std::vector<Sample> parts(turns.size());
  int64_t used = 0;
  for (size_t i = 0; i < turns.size() && used < options.max_length; ++i) {
    // With masked history the last turns matter, so they get the room.
    const size_t at = options.mask_history ? turns.size() - 1 - i : i;
    const Turn& turn = turns[at];
    const TurnLengths kept = fit_turn(
        turn.source_size(), turn.target_size(), options.max_length - used);
    const bool trained = !options.mask_history || i == 0;
    append(
        parts[at],
        chat.ids,
        turn.source.begin,
        kept.source,
        options.train_on_prompt);
    append(parts[at], chat.ids, turn.target.begin, kept.target, trained);
    used += kept.source + kept.target;
  }
  for (const Sample& part : parts) {
    result.sample.tokens.insert(
        result.sample.tokens.end(), part.tokens.begin(), part.tokens.end());
    result.sample.labels.insert(
        result.sample.labels.end(), part.labels.begin(), part.labels.end());
  }
  const int64_t tail =
      std::min(result.full_length - tail_begin, options.max_length - used);
  if (used == tail_begin && tail > 0) {
    append(result.sample, chat.ids, tail_begin, tail, options.train_on_prompt);
  }
  result.truncated =
      static_cast<int64_t>(result.sample.tokens.size()) < result.full_length;
  if (!has_target(result.sample)) {
    result.sample = {};
  }
  return result;
}

std::vector<int32_t> encode_document(
    const std::string& text,
    const Tokenizer& tokenizer) {
  std::vector<int32_t> ids = tokenizer.encode(text, true);
  const std::optional<int32_t> eos = tokenizer.eos();
  if (eos && (ids.empty() || ids.back() != *eos)) {
    ids.push_back(*eos);
  }
  return ids;
}

bool has_target(const Sample& sample) {
  return std::any_of(
      sample.labels.begin() + (sample.labels.empty() ? 0 : 1),
      sample.labels.end(),
      [](int32_t label) { return label != kIgnoreTarget; });
}

} // namespace octet
