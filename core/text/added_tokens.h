// Tokens that are cut out of a text before anything else looks at it.
//
// The ones marked "normalized" are looked for in the normalized text, the
// others before that, in the text as given. Of tokens that start at the same
// place the longest wins.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace octet::text {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;
  bool normalized = false;
  bool lstrip = false; ///< takes the white space before it along
  bool rstrip = false; ///< takes the white space after it along
  bool single_word = false; ///< not inside a word
};

/// A stretch of text: a token (id >= 0) or ordinary text (id < 0).
struct Section {
  size_t begin;
  size_t end;
  int32_t id;
};

/// Finds a set of tokens in a text.
class TokenFinder {
 public:
  /// @param texts what to look for instead of the content, one a token
  TokenFinder(
      const std::vector<AddedToken>& tokens,
      const std::vector<std::string>& texts);
  bool empty() const {
    return tokens_.empty();
  }
  /// Sections in order; a token that took white space along may overlap the
  /// token behind it, as in tokenizers.
  void cut(std::string_view text, std::vector<Section>& out) const;

 private:
  struct Node {
    std::unordered_map<unsigned char, uint32_t> next;
    int32_t token = -1;
  };
  void insert(std::string_view text, int32_t token);
  /// Longest token at `at`; -1 for none. @param end where it ends
  int32_t longest(std::string_view text, size_t at, size_t& end) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  bool starts_[256] = {};
};

class AddedTokens {
 public:
  /// Normalizes a token's own text.
  using Normalize = std::function<std::string(const std::string&)>;
  AddedTokens(std::vector<AddedToken> tokens, const Normalize& normalize);

  const TokenFinder& in_given_text() const {
    return given_;
  }
  const TokenFinder& in_normalized_text() const {
    return normalized_;
  }
  /// Sorted by id.
  const std::vector<AddedToken>& tokens() const {
    return tokens_;
  }
  /// nullptr when the id is not an added token's.
  const AddedToken* by_id(int32_t id) const;
  const AddedToken* by_content(std::string_view content) const;

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<int32_t, size_t> by_id_;
  std::unordered_map<std::string, size_t> by_content_;
  TokenFinder given_;
  TokenFinder normalized_;
};

} // namespace octet::text
