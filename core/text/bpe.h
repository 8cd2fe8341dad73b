// Byte-pair encoding of one piece of text.
//
// Two ways to rank a merge: its place in a list of merges (tokenizer.json,
// GGUF "gpt2"), or the score of the token it makes (SentencePiece, GGUF
// "llama"). Either way the best-ranked pair merges first, the leftmost of
// equals before the others.
#pragma once

#include "core/text/flat_map.h"
#include "core/text/token_index.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace octet::text {

/// What a BPE model is made of.
struct BpeSpec {
  /// Tokens by id; an id without a token is an empty optional.
  std::vector<std::optional<std::string>> tokens;
  std::vector<std::pair<std::string, std::string>> merges;
  /// By id; when not empty they rank the merges and `merges` is ignored.
  std::vector<float> scores;
  std::string unk_token; ///< "" for none
  std::string continuing_subword_prefix;
  std::string end_of_word_suffix;
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};

class Bpe {
 public:
  /// @param source the file, for messages
  /// @throws Failure(input) naming every merge with an unknown token (the
  /// first few), and an unk_token that is not in the vocabulary
  Bpe(BpeSpec spec, const std::string& source);
  Bpe(const Bpe&) = delete;
  Bpe& operator=(const Bpe&) = delete;

  /// Appends the ids of one piece (valid UTF-8). Thread-safe.
  void encode(std::string_view piece, std::vector<int32_t>& ids) const;

  std::optional<int32_t> id_of(std::string_view token) const;
  /// nullptr when the id has no token.
  const std::string* token_of(int32_t id) const;
  /// One past the largest id.
  int32_t id_count() const {
    return static_cast<int32_t>(spec_.tokens.size());
  }
  /// Tokens that exist.
  int32_t token_count() const {
    return ids_.count();
  }
  /// As given, without the merges once they were forgotten.
  const BpeSpec& spec() const {
    return spec_;
  }
  /// Frees the texts of the merges, which only writing a file needs.
  void forget_merge_texts() {
    spec_.merges = {};
  }

 private:
  struct Merge {
    int32_t rank;
    int32_t id;
  };

  void read_merges(const std::string& source);
  void rank_by_score();
  void add_merge(int32_t left, int32_t right, Merge merge);
  void first_symbols(std::string_view piece, std::vector<int32_t>& symbols)
      const;
  bool bytes_of(std::string_view text, std::vector<int32_t>& symbols) const;
  void merge_all(std::vector<int32_t>& symbols) const;
  void merge_few(std::vector<int32_t>& symbols) const;
  void merge_many(std::vector<int32_t>& symbols) const;
  const Merge* find_merge(int32_t left, int32_t right) const;

  BpeSpec spec_;
  TokenIndex ids_;
  FlatMap<Merge> merges_;
  std::optional<int32_t> unk_;
  std::vector<int32_t> byte_ids_; ///< ids of <0x00>..<0xFF>; -1 for none
  std::vector<int32_t> character_ids_; ///< by code point below U+3000; or -1
  uint64_t instance_; ///< tells the word caches of different models apart
};

} // namespace octet::text
