// Added tokens; see added_tokens.h.
#include "core/text/added_tokens.h"

#include "core/text/unicode.h"

#include <algorithm>

namespace octet::text {

TokenFinder::TokenFinder(
    const std::vector<AddedToken>& tokens,
    const std::vector<std::string>& texts)
    : tokens_(tokens), nodes_(1) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    insert(texts[i], static_cast<int32_t>(i));
  }
}

void TokenFinder::insert(std::string_view text, int32_t token) {
  if (text.empty()) {
    return;
  }
  starts_[static_cast<unsigned char>(text[0])] = true;
  uint32_t at = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const auto found = nodes_[at].next.find(byte);
    if (found != nodes_[at].next.end()) {
      at = found->second;
      continue;
    }
    const auto made = static_cast<uint32_t>(nodes_.size());
    nodes_[at].next[byte] = made;
    nodes_.emplace_back();
    at = made;
  }
  if (nodes_[at].token < 0) {
    nodes_[at].token = token;
  }
}

int32_t TokenFinder::longest(std::string_view text, size_t at, size_t& end)
    const {
  int32_t token = -1;
  uint32_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto found =
        nodes_[node].next.find(static_cast<unsigned char>(text[i]));
    if (found == nodes_[node].next.end()) {
      break;
    }
    node = found->second;
    if (nodes_[node].token >= 0) {
      token = nodes_[node].token;
      end = i + 1;
    }
  }
  return token;
}

void TokenFinder::cut(std::string_view text, std::vector<Section>& out) const {
  out.clear();
  size_t done = 0;
  size_t at = tokens_.empty() ? text.size() : 0;
  while (at < text.size()) {
    size_t end = 0;
    const int32_t index = starts_[static_cast<unsigned char>(text[at])]
        ? longest(text, at, end)
        : -1;
    if (index < 0) {
      ++at;
      continue;
    }
    size_t begin = at;
    at = end;
    const AddedToken& token = tokens_[static_cast<size_t>(index)];
    if (token.single_word) {
      size_t after = end;
      const bool word_before =
          begin > 0 && is_word(previous_code_point(text, begin));
      if (word_before ||
          (end < text.size() && is_word(next_code_point(text, after)))) {
        continue;
      }
    }
    while (token.lstrip && begin > 0) {
      const char32_t c = previous_code_point(text, begin);
      if (!is_white_space(c)) {
        break;
      }
      begin -= to_utf8(c).size();
    }
    begin = token.lstrip ? std::max(begin, done) : begin;
    while (token.rstrip && end < text.size()) {
      size_t after = end;
      if (!is_white_space(next_code_point(text, after))) {
        break;
      }
      end = after;
    }
    if (done < begin) {
      out.push_back({done, begin, -1});
    }
    out.push_back({begin, end, token.id});
    done = end;
  }
  if (done != text.size()) {
    out.push_back({done, text.size(), -1});
  }
}

namespace {

std::vector<AddedToken> sorted(std::vector<AddedToken> tokens) {
  std::stable_sort(
      tokens.begin(),
      tokens.end(),
      [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  return tokens;
}

TokenFinder make_finder(
    const std::vector<AddedToken>& tokens,
    bool normalized,
    const AddedTokens::Normalize& normalize) {
  std::vector<AddedToken> mine;
  std::vector<std::string> texts;
  for (const AddedToken& token : tokens) {
    if (token.normalized == normalized) {
      mine.push_back(token);
      texts.push_back(normalized ? normalize(token.content) : token.content);
    }
  }
  return {mine, texts};
}

} // namespace

AddedTokens::AddedTokens(
    std::vector<AddedToken> tokens,
    const Normalize& normalize)
    : tokens_(sorted(std::move(tokens))),
      given_(make_finder(tokens_, false, normalize)),
      normalized_(make_finder(tokens_, true, normalize)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    by_id_[tokens_[i].id] = i;
    by_content_[tokens_[i].content] = i;
  }
}

const AddedToken* AddedTokens::by_id(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::by_content(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

} // namespace octet::text
