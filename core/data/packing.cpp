#include "core/data/packing.h"

#include <octet/error.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace octet {

std::vector<std::vector<int64_t>> pack_best_fit(
    const std::vector<int64_t>& lengths,
    const std::vector<int64_t>& order,
    int64_t capacity) {
  // Samples of one length, the first to take at the back.
  std::map<int64_t, std::vector<int64_t>> waiting;
  for (auto sample = order.rbegin(); sample != order.rend(); ++sample) {
    const int64_t length = lengths[static_cast<size_t>(*sample)];
    if (length < 1 || length > capacity) {
      throw Error(
          "data",
          "a sample of " + std::to_string(length) +
              " tokens does not fit a row of " + std::to_string(capacity));
    }
    waiting[length].push_back(*sample);
  }
  std::vector<std::vector<int64_t>> rows;
  while (!waiting.empty()) {
    std::vector<int64_t>& row = rows.emplace_back();
    int64_t room = capacity;
    auto above = waiting.upper_bound(room);
    while (above != waiting.begin()) {
      const auto best = std::prev(above);
      row.push_back(best->second.back());
      room -= best->first;
      best->second.pop_back();
      if (best->second.empty()) {
        waiting.erase(best);
      }
      above = waiting.upper_bound(room);
    }
  }
  return rows;
}

} // namespace octet
