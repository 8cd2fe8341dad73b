// A tokenizer put together from parts: added tokens, normalizer,
// pre-tokenizer, BPE, post-processor, decoder, in that order of work.
#pragma once

#include "core/text/added_tokens.h"
#include "core/text/bpe.h"
#include "core/text/decoder.h"
#include "core/text/normalizer.h"
#include "core/text/post_processor.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace octet::text {

/// Everything a tokenizer is made of, as data.
struct TokenizerSource {
  std::string file; ///< for messages
  BpeSpec bpe;
  std::vector<AddedToken> added;
  // The four parts as tokenizer.json writes them; null for none.
  nlohmann::json normalizer;
  nlohmann::json pre_tokenizer;
  nlohmann::json post_processor;
  nlohmann::json decoder;

  std::optional<int32_t> bos;
  std::optional<int32_t> eos;
  std::optional<int32_t> pad;
  std::string chat_template;

  /// The model's own tokenizer.json; "" when it has none.
  std::string own_json;
  /// The model's own tokenizer_config.json, parsed; null when it has none.
  nlohmann::json own_config;
};

class PipelineTokenizer : public Tokenizer {
 public:
  /// @throws Failure(input) naming the part that is not supported
  explicit PipelineTokenizer(TokenizerSource source);

  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens)
      const override;
  std::string decode(const std::vector<int32_t>& ids, bool skip_special_tokens)
      const override;
  int64_t vocab_size() const override;
  std::optional<int32_t> token_to_id(std::string_view token) const override;
  std::string id_to_token(int32_t id) const override;
  bool is_special(int32_t id) const override;
  std::optional<int32_t> bos() const override {
    return source_.bos;
  }
  std::optional<int32_t> eos() const override {
    return source_.eos;
  }
  std::optional<int32_t> pad() const override {
    return source_.pad;
  }
  const std::string& chat_template() const override {
    return source_.chat_template;
  }
  std::string tokenizer_json() const override;
  std::string tokenizer_config_json() const override;
  std::string digest() const override;

 private:
  void encode_given(NormalText text, std::vector<int32_t>& ids) const;
  void encode_ordinary(
      std::string_view text,
      bool starts_input,
      std::vector<int32_t>& ids) const;

  TokenizerSource source_;
  std::unique_ptr<const Normalizer> normalizer_;
  std::unique_ptr<const PreTokenizer> pre_tokenizer_;
  std::unique_ptr<const TokenDecoder> decoder_;
  PostProcessor post_processor_;
  Bpe bpe_;
  AddedTokens added_;
};

} // namespace octet::text
