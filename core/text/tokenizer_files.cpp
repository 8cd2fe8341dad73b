// tokenizer.json and tokenizer_config.json; see tokenizer_files.h.
#include "core/text/tokenizer_files.h"

#include "core/text/score_merges.h"

#include <openssl/evp.h>

#include <octet/error.h>

#include <array>

namespace octet::text {

namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json added_token(const AddedToken& token) {
  return {
      {"content", token.content},
      {"single_word", token.single_word},
      {"lstrip", token.lstrip},
      {"rstrip", token.rstrip},
      {"normalized", token.normalized},
      {"special", token.special}};
}

Json merges_of(const BpeSpec& bpe) {
  Json out = Json::array();
  const auto& merges = bpe.scores.empty() ? bpe.merges : score_merges(bpe);
  for (const auto& [left, right] : merges) {
    out.push_back(Json::array({left, right}));
  }
  return out;
}

Json model_of(const BpeSpec& bpe) {
  Json vocab = Json::object();
  // Pushed to the back rather than assigned: ordered_json looks through all
  // keys on every assignment.
  auto& items = vocab.get_ref<Json::object_t&>();
  for (size_t id = 0; id < bpe.tokens.size(); ++id) {
    if (bpe.tokens[id]) {
      items.push_back({*bpe.tokens[id], id});
    }
  }
  return {
      {"type", "BPE"},
      {"dropout", nullptr},
      {"unk_token", text_or_null(bpe.unk_token)},
      {"continuing_subword_prefix",
       text_or_null(bpe.continuing_subword_prefix)},
      {"end_of_word_suffix", text_or_null(bpe.end_of_word_suffix)},
      {"fuse_unk", bpe.fuse_unk},
      {"byte_fallback", bpe.byte_fallback},
      {"ignore_merges", bpe.ignore_merges},
      {"vocab", std::move(vocab)},
      {"merges", merges_of(bpe)}};
}

} // namespace

std::string write_tokenizer_json(
    const TokenizerSource& source,
    const BpeSpec& bpe,
    const std::vector<AddedToken>& added) {
  Json tokens = Json::array();
  for (const AddedToken& token : added) {
    Json item = {{"id", token.id}};
    item.update(added_token(token));
    tokens.push_back(std::move(item));
  }
  const Json file = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", std::move(tokens)},
      {"normalizer", source.normalizer},
      {"pre_tokenizer", source.pre_tokenizer},
      {"post_processor", source.post_processor},
      {"decoder", source.decoder},
      {"model", model_of(bpe)}};
  return file.dump(1, ' ', false, Json::error_handler_t::strict) + "\n";
}

std::string write_tokenizer_config(
    const TokenizerSource& source,
    const AddedTokens& added) {
  Json config = Json::object();
  if (!source.own_config.is_null()) {
    config = source.own_config;
  } else {
    Json decoder = Json::object();
    for (const AddedToken& token : added.tokens()) {
      decoder[std::to_string(token.id)] = added_token(token);
    }
    const auto name = [&](const std::optional<int32_t>& id) -> Json {
      if (!id) {
        return nullptr;
      }
      const AddedToken* token = added.by_id(*id);
      return token ? Json(token->content) : Json(nullptr);
    };
    config = {
        {"added_tokens_decoder", std::move(decoder)},
        {"bos_token", name(source.bos)},
        {"clean_up_tokenization_spaces", false},
        {"eos_token", name(source.eos)},
        {"model_max_length", 1000000000000000019884624838656.0},
        {"pad_token", name(source.pad)},
        {"tokenizer_class", "PreTrainedTokenizerFast"}};
  }
  if (!source.chat_template.empty()) {
    config["chat_template"] = source.chat_template;
  }
  return config.dump(2) + "\n";
}

std::string digest_of(
    const std::string& tokenizer_json,
    const std::vector<float>& scores) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  const bool done = context != nullptr &&
      EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1 &&
      EVP_DigestUpdate(context, tokenizer_json.data(), tokenizer_json.size()) ==
          1 &&
      EVP_DigestUpdate(context, scores.data(), scores.size() * sizeof(float)) ==
          1 &&
      EVP_DigestFinal_ex(context, bytes.data(), &size) == 1;
  EVP_MD_CTX_free(context);
  if (!done) {
    throw Error("tokenizer", "OpenSSL cannot compute a SHA-256");
  }
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[bytes[i] >> 4];
    hex += kDigits[bytes[i] & 15];
  }
  return hex;
}

} // namespace octet::text
