// Remembers the ids of short words, one cache a thread and so without locks.
//
// Direct-mapped and of fixed size (about 5 MB a thread): a new word replaces
// the one in its slot. Entries name the model they belong to.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

namespace octet::text {

class WordCache {
 public:
  static WordCache& of_this_thread() {
    thread_local WordCache cache;
    return cache;
  }

  /// Appends the word's ids if it is remembered.
  bool find(uint64_t model, std::string_view word, std::vector<int32_t>& ids)
      const {
    if (word.size() > kBytes) {
      return false;
    }
    const Slot& slot = slots_[place(model, word)];
    if (slot.model != model || slot.size != word.size() ||
        std::memcmp(slot.word, word.data(), word.size()) != 0) {
      return false;
    }
    ids.insert(ids.end(), slot.ids, slot.ids + slot.count);
    return true;
  }

  void store(
      uint64_t model,
      std::string_view word,
      const std::vector<int32_t>& ids) {
    if (word.size() > kBytes || ids.size() > kIds) {
      return;
    }
    Slot& slot = slots_[place(model, word)];
    slot.model = model;
    slot.size = static_cast<uint8_t>(word.size());
    slot.count = static_cast<uint8_t>(ids.size());
    std::memcpy(slot.word, word.data(), word.size());
    std::copy(ids.begin(), ids.end(), slot.ids);
  }

 private:
  static constexpr size_t kSlots = size_t{1} << 16;
  static constexpr size_t kBytes = 30;
  static constexpr size_t kIds = 10;
  struct Slot {
    uint64_t model = 0;
    uint8_t size = 0;
    uint8_t count = 0;
    char word[kBytes] = {};
    int32_t ids[kIds] = {};
  };

  WordCache() : slots_(kSlots) {}

  static size_t place(uint64_t model, std::string_view word) {
    return (std::hash<std::string_view>()(word) ^
            model * 0x9E3779B97F4A7C15ULL) &
        (kSlots - 1);
  }

  std::vector<Slot> slots_;
};

} // namespace octet::text
