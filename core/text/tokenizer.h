// BPE tokenizers, identical to Hugging Face `tokenizers` in encode and decode.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// @param text UTF-8
  /// @param add_special_tokens whether the post-processor adds BOS and EOS.
  /// Special tokens written in `text` are recognized either way.
  virtual std::vector<int32_t> encode(
      std::string_view text,
      bool add_special_tokens) const = 0;
  /// @param skip_special_tokens leaves special tokens out of the text
  virtual std::string decode(
      const std::vector<int32_t>& ids,
      bool skip_special_tokens) const = 0;

  virtual int64_t vocab_size() const = 0;
  virtual std::optional<int32_t> token_to_id(std::string_view token) const = 0;
  virtual std::string id_to_token(int32_t id) const = 0;
  virtual bool is_special(int32_t id) const = 0;

  /// From tokenizer_config.json or GGUF metadata.
  virtual std::optional<int32_t> bos() const = 0;
  virtual std::optional<int32_t> eos() const = 0;
  virtual std::optional<int32_t> pad() const = 0;
  /// The Jinja text of the model's chat template; empty when it has none.
  virtual const std::string& chat_template() const = 0;

  /// tokenizer.json to write beside a result: the model's own text, or one
  /// made from GGUF metadata that `tokenizers` loads to the same ids.
  virtual std::string tokenizer_json() const = 0;
  /// tokenizer_config.json likewise.
  virtual std::string tokenizer_config_json() const = 0;
  /// SHA-256 over everything that decides the ids; part of cache keys.
  virtual std::string digest() const = 0;
};

/// @param model a Hugging Face folder or a .gguf file
/// @throws Failure(input) naming the part that is not supported
std::shared_ptr<const Tokenizer> load_tokenizer(
    const std::filesystem::path& model);

} // namespace octet
