// Encode and decode; see pipeline.h.
#include "core/text/pipeline.h"

#include "core/base/problems.h"
#include "core/text/tokenizer_files.h"
#include "core/text/unicode.h"

#include <fmt/format.h>

#include <algorithm>

namespace octet::text {

PipelineTokenizer::PipelineTokenizer(TokenizerSource source)
    : source_(std::move(source)),
      normalizer_(
          read_normalizer({source_.normalizer, source_.file, "normalizer"})),
      pre_tokenizer_(read_pre_tokenizer(
          {source_.pre_tokenizer, source_.file, "pre_tokenizer"})),
      decoder_(read_decoder({source_.decoder, source_.file, "decoder"})),
      post_processor_(
          JsonPart(source_.post_processor, source_.file, "post_processor")),
      bpe_(std::move(source_.bpe), source_.file),
      added_(source_.added, [this](const std::string& content) {
        NormalText text{content};
        if (normalizer_) {
          normalizer_->apply(text);
        }
        return text.text;
      }) {
  if (!source_.own_json.empty()) {
    bpe_.forget_merge_texts();
  }
}

void PipelineTokenizer::encode_ordinary(
    std::string_view text,
    bool starts_input,
    std::vector<int32_t>& ids) const {
  if (text.empty()) {
    return; // what a normalizer left empty gets no prefix
  }
  Pieces pieces;
  pieces.text = text;
  pieces.spans.push_back({0, text.size(), starts_input});
  if (pre_tokenizer_) {
    pre_tokenizer_->apply(pieces);
  }
  for (const Span& span : pieces.spans) {
    bpe_.encode(pieces.view(span), ids);
  }
}

void PipelineTokenizer::encode_given(NormalText text, std::vector<int32_t>& ids)
    const {
  if (normalizer_) {
    normalizer_->apply(text);
  }
  if (added_.in_normalized_text().empty()) {
    encode_ordinary(text.text, text.starts_input, ids);
    return;
  }
  std::vector<Section> sections;
  added_.in_normalized_text().cut(text.text, sections);
  for (const Section& section : sections) {
    if (section.id >= 0) {
      ids.push_back(section.id);
    } else {
      encode_ordinary(
          std::string_view(text.text).substr(
              section.begin, section.end - section.begin),
          text.starts_input && section.begin == 0,
          ids);
    }
  }
}

std::vector<int32_t> PipelineTokenizer::encode(
    std::string_view text,
    bool add_special_tokens) const {
  const size_t invalid = find_invalid_utf8(text);
  if (invalid != std::string_view::npos) {
    throw Failure(
        ExitCode::input,
        "tokenizer",
        fmt::format(
            "expected UTF-8 text, got the byte {:02X} at offset {} of {}; "
            "convert the data to UTF-8",
            static_cast<unsigned char>(text[invalid]),
            invalid,
            text.size()));
  }
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3 + 4);
  std::vector<Section> sections;
  added_.in_given_text().cut(text, sections);
  for (const Section& section : sections) {
    if (section.id >= 0) {
      ids.push_back(section.id);
    } else {
      encode_given(
          {std::string(text.substr(section.begin, section.end - section.begin)),
           section.begin == 0},
          ids);
    }
  }
  if (add_special_tokens) {
    post_processor_.apply(ids);
  }
  return ids;
}

std::string PipelineTokenizer::decode(
    const std::vector<int32_t>& ids,
    bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids) {
    if (const AddedToken* added = added_.by_id(id)) {
      if (!added->special || !skip_special_tokens) {
        tokens.push_back(added->content);
      }
    } else if (const std::string* token = bpe_.token_of(id)) {
      tokens.push_back(*token);
    }
  }
  if (decoder_) {
    decoder_->apply(tokens);
  }
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i) {
    // Without a decoder the tokens are words of their own.
    text += i > 0 && !decoder_ ? " " : "";
    text += tokens[i];
  }
  return text;
}

int64_t PipelineTokenizer::vocab_size() const {
  int64_t size = bpe_.id_count();
  if (!added_.tokens().empty()) {
    size = std::max<int64_t>(size, added_.tokens().back().id + 1);
  }
  return size;
}

std::optional<int32_t> PipelineTokenizer::token_to_id(
    std::string_view token) const {
  if (const AddedToken* added = added_.by_content(token)) {
    return added->id;
  }
  return bpe_.id_of(token);
}

std::string PipelineTokenizer::id_to_token(int32_t id) const {
  if (const AddedToken* added = added_.by_id(id)) {
    return added->content;
  }
  const std::string* token = bpe_.token_of(id);
  return token ? *token : std::string();
}

bool PipelineTokenizer::is_special(int32_t id) const {
  const AddedToken* added = added_.by_id(id);
  return added != nullptr && added->special;
}

std::string PipelineTokenizer::tokenizer_json() const {
  return source_.own_json.empty()
      ? write_tokenizer_json(source_, bpe_.spec(), added_.tokens())
      : source_.own_json;
}

std::string PipelineTokenizer::tokenizer_config_json() const {
  return write_tokenizer_config(source_, added_);
}

std::string PipelineTokenizer::digest() const {
  return digest_of(tokenizer_json(), bpe_.spec().scores);
}

} // namespace octet::text
