// A hash map from 64-bit keys for tables that are filled once and then only
// read: one array, linear probing, at most half full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace octet::text {

template <typename Value>
class FlatMap {
 public:
  /// Empties the map and makes room for `count` keys.
  void reserve(size_t count) {
    size_t size = 16;
    while (size < count * 2 + 2) {
      size *= 2;
    }
    slots_.assign(size, Slot{kEmpty, Value{}});
    mask_ = size - 1;
  }

  /// The value of a key, new if need be. `key` must not be all ones, and
  /// never more keys than reserved.
  Value& operator[](uint64_t key) {
    Slot& slot = slots_[place(key)];
    slot.key = key;
    return slot.value;
  }

  const Value* find(uint64_t key) const {
    const Slot& slot = slots_[place(key)];
    return slot.key == key ? &slot.value : nullptr;
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key;
    Value value;
  };

  size_t place(uint64_t key) const {
    uint64_t mixed = key * 0x9E3779B97F4A7C15ULL;
    size_t at = static_cast<size_t>(mixed ^ mixed >> 32) & mask_;
    while (slots_[at].key != key && slots_[at].key != kEmpty) {
      at = (at + 1) & mask_;
    }
    return at;
  }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

} // namespace octet::text
