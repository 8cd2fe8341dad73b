// From a token's text to its id: open addressing over hashes, with the texts
// staying where they are. Filled once, then read by any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octet::text {

class TokenIndex {
 public:
  /// @param tokens by id; of two equal ones the last is found. Must outlive
  /// the index, unchanged.
  explicit TokenIndex(const std::vector<std::optional<std::string>>& tokens)
      : tokens_(&tokens) {
    size_t size = 16;
    while (size < tokens.size() * 2) {
      size *= 2;
    }
    slots_.resize(size);
    for (size_t id = 0; id < tokens.size(); ++id) {
      if (tokens[id]) {
        const uint32_t hash = hash_of(*tokens[id]);
        Slot& slot = slots_[place(*tokens[id], hash)];
        count_ += slot.id < 0 ? 1 : 0;
        slot = {hash, static_cast<int32_t>(id)};
      }
    }
  }

  /// -1 when there is no such token.
  int32_t find(std::string_view token) const {
    return slots_[place(token, hash_of(token))].id;
  }
  /// How many different tokens there are.
  int32_t count() const {
    return count_;
  }

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;
  };

  static uint32_t hash_of(std::string_view token) {
    const uint64_t hash = std::hash<std::string_view>()(token);
    return static_cast<uint32_t>(hash ^ hash >> 32);
  }

  size_t place(std::string_view token, uint32_t hash) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at].id >= 0 &&
           (slots_[at].hash != hash ||
            *(*tokens_)[static_cast<size_t>(slots_[at].id)] != token)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  const std::vector<std::optional<std::string>>* tokens_;
  std::vector<Slot> slots_;
  int32_t count_ = 0;
};

} // namespace octet::text
