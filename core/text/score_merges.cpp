// Merges from scores; see score_merges.h.
#include "core/text/score_merges.h"

#include "core/text/unicode.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_set>

namespace octet::text {

std::vector<std::pair<std::string, std::string>> score_merges(
    const BpeSpec& bpe) {
  std::unordered_set<std::string_view> known;
  for (const auto& token : bpe.tokens) {
    if (token) {
      known.insert(*token);
    }
  }
  struct Merge {
    float score;
    size_t left_length; ///< in code points
    size_t right_length;
    std::string_view left;
    std::string_view right;
  };
  std::vector<Merge> found;
  for (size_t id = 0; id < bpe.tokens.size(); ++id) {
    if (!bpe.tokens[id]) {
      continue;
    }
    const std::string_view token = *bpe.tokens[id];
    size_t length = 0;
    for (size_t i = 0; i < token.size(); ++length) {
      next_code_point(token, i);
    }
    size_t cut = 0;
    for (size_t left = 1; left < length; ++left) {
      next_code_point(token, cut);
      if (known.count(token.substr(0, cut)) && known.count(token.substr(cut))) {
        found.push_back(
            {bpe.scores[id],
             left,
             length - left,
             token.substr(0, cut),
             token.substr(cut)});
      }
    }
  }
  std::stable_sort(
      found.begin(), found.end(), [](const Merge& a, const Merge& b) {
        return std::tie(a.score, a.left_length, a.right_length) >
            std::tie(b.score, b.left_length, b.right_length);
      });
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(found.size());
  for (const Merge& merge : found) {
    merges.emplace_back(merge.left, merge.right);
  }
  return merges;
}

} // namespace octet::text
