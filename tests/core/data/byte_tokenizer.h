// A tokenizer that can be followed by hand: a byte is its own id, and special
// tokens have ids from 256 on.
#pragma once

#include "core/base/sha256.h"
#include "core/text/tokenizer.h"

#include <string>
#include <vector>

namespace octet {

class ByteTokenizer : public Tokenizer {
 public:
  ByteTokenizer() = default;

  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens)
      const override {
    std::vector<int32_t> ids;
    if (add_special_tokens && adds_bos) {
      ids.push_back(*bos());
    }
    while (!text.empty()) {
      size_t taken = 0;
      for (size_t i = 0; i < special.size() && taken == 0; ++i) {
        if (text.starts_with(special[i])) {
          ids.push_back(static_cast<int32_t>(256 + i));
          taken = special[i].size();
        }
      }
      if (taken == 0) {
        ids.push_back(static_cast<unsigned char>(text.front()));
        taken = 1;
      }
      text.remove_prefix(taken);
    }
    return ids;
  }

  std::string decode(const std::vector<int32_t>& ids, bool skip_special_tokens)
      const override {
    std::string text;
    for (const int32_t id : ids) {
      if (id < 256 || !skip_special_tokens) {
        text += id_to_token(id);
      }
    }
    return text;
  }

  int64_t vocab_size() const override {
    return static_cast<int64_t>(256 + special.size());
  }
  std::optional<int32_t> token_to_id(std::string_view token) const override {
    for (size_t i = 0; i < special.size(); ++i) {
      if (special[i] == token) {
        return static_cast<int32_t>(256 + i);
      }
    }
    return std::nullopt;
  }
  std::string id_to_token(int32_t id) const override {
    return id < 256 ? std::string(1, static_cast<char>(id))
                    : special.at(static_cast<size_t>(id - 256));
  }
  bool is_special(int32_t id) const override {
    return id >= 256;
  }
  std::optional<int32_t> bos() const override {
    return token_to_id("<s>");
  }
  std::optional<int32_t> eos() const override {
    return token_to_id("</s>");
  }
  std::optional<int32_t> pad() const override {
    return std::nullopt;
  }
  const std::string& chat_template() const override {
    return jinja;
  }
  std::string tokenizer_json() const override {
    return "{}";
  }
  std::string tokenizer_config_json() const override {
    return "{}";
  }
  std::string digest() const override {
    std::string all = "bytes " + jinja;
    for (const std::string& text : special) {
      all += "\n" + text;
    }
    return sha256_hex(all);
  }

  std::vector<std::string> special{"<s>", "</s>", "<|im_start|>", "<|im_end|>"};
  std::string jinja;
  bool adds_bos = false;
};

} // namespace octet
