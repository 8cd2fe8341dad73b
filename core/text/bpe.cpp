// BPE; see bpe.h.
#include "core/text/bpe.h"

#include "core/base/problems.h"
#include "core/text/unicode.h"
#include "core/text/word_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <queue>
#include <tuple>

namespace octet::text {

namespace {

constexpr size_t kDirectCharacters = 0x3000;
/// Up to this many symbols looking through all pairs beats a queue.
constexpr size_t kFewSymbols = 24;

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 |
      static_cast<uint32_t>(right);
}

uint64_t next_instance() {
  static std::atomic<uint64_t> count{0};
  return ++count;
}

} // namespace

Bpe::Bpe(BpeSpec spec, const std::string& source)
    : spec_(std::move(spec)), ids_(spec_.tokens), instance_(next_instance()) {
  if (spec_.scores.empty()) {
    read_merges(source);
  } else {
    rank_by_score();
  }
  if (!spec_.unk_token.empty()) {
    unk_ = id_of(spec_.unk_token);
    if (!unk_) {
      throw Failure(
          ExitCode::input,
          "tokenizer",
          source + ": the unk_token \"" + spec_.unk_token +
              "\" is not in the vocabulary");
    }
  }
  for (int b = 0; spec_.byte_fallback && b < 256; ++b) {
    byte_ids_.push_back(ids_.find(fmt::format("<0x{:02X}>", b)));
  }
  character_ids_.resize(kDirectCharacters);
  for (size_t c = 0; c < kDirectCharacters; ++c) {
    character_ids_[c] = ids_.find(to_utf8(static_cast<char32_t>(c)));
  }
}

std::optional<int32_t> Bpe::id_of(std::string_view token) const {
  const int32_t id = ids_.find(token);
  return id < 0 ? std::nullopt : std::optional<int32_t>(id);
}

const std::string* Bpe::token_of(int32_t id) const {
  if (id < 0 || id >= id_count() ||
      !spec_.tokens[static_cast<size_t>(id)].has_value()) {
    return nullptr;
  }
  return &*spec_.tokens[static_cast<size_t>(id)];
}

void Bpe::add_merge(int32_t left, int32_t right, Merge merge) {
  merges_[pair_key(left, right)] = merge;
}

const Bpe::Merge* Bpe::find_merge(int32_t left, int32_t right) const {
  return merges_.find(pair_key(left, right));
}

void Bpe::read_merges(const std::string& source) {
  Problems problems;
  merges_.reserve(spec_.merges.size());
  const size_t prefix = spec_.continuing_subword_prefix.size();
  size_t wrong = 0;
  std::string made;
  for (size_t i = 0; i < spec_.merges.size(); ++i) {
    const auto& [left, right] = spec_.merges[i];
    made = left;
    made.append(right, std::min(prefix, right.size()));
    const auto left_id = id_of(left);
    const auto right_id = id_of(right);
    const auto made_id = id_of(made);
    if (!left_id || !right_id || !made_id) {
      if (++wrong <= 5) {
        const std::string& unknown = !left_id ? left : !right_id ? right : made;
        problems.add(fmt::format(
            "merge {} (\"{}\" \"{}\") names \"{}\", which is not in the "
            "vocabulary",
            i,
            left,
            right,
            unknown));
      }
      continue;
    }
    add_merge(*left_id, *right_id, {static_cast<int32_t>(i), *made_id});
  }
  if (wrong > 5) {
    problems.add(fmt::format("{} more merges like these", wrong - 5));
  }
  problems.raise(
      ExitCode::input, "tokenizer", source + ": merges do not fit the tokens");
}

void Bpe::rank_by_score() {
  // Equal scores share a rank, so that position decides between them.
  std::vector<float> levels = spec_.scores;
  std::sort(levels.begin(), levels.end(), std::greater<>());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());

  std::vector<std::tuple<int32_t, int32_t, Merge>> found;
  for (size_t id = 0; id < spec_.tokens.size(); ++id) {
    if (!spec_.tokens[id]) {
      continue;
    }
    const std::string_view token = *spec_.tokens[id];
    const auto level = std::lower_bound(
        levels.begin(), levels.end(), spec_.scores[id], std::greater<>());
    const Merge merge{
        static_cast<int32_t>(level - levels.begin()), static_cast<int32_t>(id)};
    size_t cut = 0;
    while (cut < token.size()) {
      next_code_point(token, cut);
      if (cut >= token.size()) {
        break;
      }
      const auto left = id_of(token.substr(0, cut));
      const auto right = id_of(token.substr(cut));
      if (left && right) {
        found.emplace_back(*left, *right, merge);
      }
    }
  }
  merges_.reserve(found.size());
  for (const auto& [left, right, merge] : found) {
    add_merge(left, right, merge);
  }
}

bool Bpe::bytes_of(std::string_view text, std::vector<int32_t>& symbols) const {
  const size_t before = symbols.size();
  for (const char c : text) {
    const int32_t id = byte_ids_[static_cast<unsigned char>(c)];
    if (id < 0) {
      symbols.resize(before);
      return false;
    }
    symbols.push_back(id);
  }
  return true;
}

void Bpe::first_symbols(std::string_view piece, std::vector<int32_t>& symbols)
    const {
  const bool edges = !spec_.continuing_subword_prefix.empty() ||
      !spec_.end_of_word_suffix.empty();
  bool pending_unk = false;
  std::string edged;
  for (size_t i = 0; i < piece.size();) {
    const size_t begin = i;
    const char32_t c = next_code_point(piece, i);
    std::string_view character = piece.substr(begin, i - begin);
    int32_t id = -1;
    if (edges) {
      edged = begin > 0 ? spec_.continuing_subword_prefix : std::string();
      edged += character;
      if (i == piece.size()) {
        edged += spec_.end_of_word_suffix;
      }
      character = edged;
      id = ids_.find(character);
    } else if (c < kDirectCharacters) {
      id = character_ids_[c];
    } else {
      id = ids_.find(character);
    }
    if (id >= 0) {
      if (pending_unk) {
        symbols.push_back(*unk_);
        pending_unk = false;
      }
      symbols.push_back(id);
    } else if (spec_.byte_fallback && bytes_of(character, symbols)) {
      continue;
    } else if (unk_) {
      // A waiting unk is written when the next known character comes; that
      // bytes do not flush it is what tokenizers does.
      if (pending_unk && !spec_.fuse_unk) {
        symbols.push_back(*unk_);
      }
      pending_unk = true;
    }
  }
  if (pending_unk) {
    symbols.push_back(*unk_);
  }
}

void Bpe::merge_few(std::vector<int32_t>& symbols) const {
  // Ranks of neighbours, kept beside the symbols; kNone for no merge.
  constexpr int32_t kNone = std::numeric_limits<int32_t>::max();
  Merge pair[kFewSymbols];
  size_t count = symbols.size();
  const auto look = [&](size_t i) {
    const Merge* merge = find_merge(symbols[i], symbols[i + 1]);
    pair[i] = merge ? *merge : Merge{kNone, -1};
  };
  for (size_t i = 0; i + 1 < count; ++i) {
    look(i);
  }
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (pair[i].rank < pair[best].rank) {
        best = i;
      }
    }
    if (pair[best].rank == kNone) {
      break;
    }
    symbols[best] = pair[best].id;
    for (size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      pair[i] = pair[i + 1];
    }
    --count;
    if (best > 0) {
      look(best - 1);
    }
    if (best + 1 < count) {
      look(best);
    }
  }
  symbols.resize(count);
}

void Bpe::merge_many(std::vector<int32_t>& symbols) const {
  struct Candidate {
    int32_t rank;
    uint32_t left;
    int32_t id;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, left) > std::tie(other.rank, other.left);
    }
  };
  constexpr uint32_t kEnd = std::numeric_limits<uint32_t>::max();
  const auto count = static_cast<uint32_t>(symbols.size());
  std::vector<uint32_t> next(count);
  std::vector<uint32_t> previous(count);
  for (uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1 < count ? i + 1 : kEnd;
    previous[i] = i > 0 ? i - 1 : kEnd;
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto push = [&](uint32_t left) {
    if (left == kEnd || next[left] == kEnd) {
      return;
    }
    if (const Merge* merge = find_merge(symbols[left], symbols[next[left]])) {
      queue.push({merge->rank, left, merge->id});
    }
  };
  for (uint32_t i = 0; i + 1 < count; ++i) {
    push(i);
  }
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const uint32_t left = best.left;
    if (symbols[left] < 0 || next[left] == kEnd) {
      continue;
    }
    const uint32_t right = next[left];
    const Merge* merge = find_merge(symbols[left], symbols[right]);
    if (merge == nullptr || merge->id != best.id) {
      continue; // one of the two has merged with another since
    }
    symbols[left] = best.id;
    symbols[right] = -1;
    next[left] = next[right];
    if (next[left] != kEnd) {
      previous[next[left]] = left;
    }
    push(previous[left]);
    push(left);
  }
  symbols.erase(std::remove(symbols.begin(), symbols.end(), -1), symbols.end());
}

void Bpe::merge_all(std::vector<int32_t>& symbols) const {
  if (symbols.size() <= kFewSymbols) {
    merge_few(symbols);
  } else {
    merge_many(symbols);
  }
}

void Bpe::encode(std::string_view piece, std::vector<int32_t>& ids) const {
  if (piece.empty()) {
    return;
  }
  if (spec_.ignore_merges) {
    if (const auto whole = id_of(piece)) {
      ids.push_back(*whole);
      return;
    }
  }
  WordCache& cache = WordCache::of_this_thread();
  if (cache.find(instance_, piece, ids)) {
    return;
  }
  thread_local std::vector<int32_t> symbols;
  symbols.clear();
  first_symbols(piece, symbols);
  merge_all(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
  cache.store(instance_, piece, symbols);
}

} // namespace octet::text
