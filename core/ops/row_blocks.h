// Work on blocks of rows whose fp32 form stays in the second-level cache: a
// chain of ATen calls then costs little more than one pass over memory.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace octet {

/// Rows of a block. Depends on the shape alone, never on the thread count, so
/// sums over a block have the same bits on every machine.
inline int64_t block_rows(int64_t columns) {
  constexpr int64_t kElements = 32 * 1024;
  return std::max<int64_t>(1, kElements / std::max<int64_t>(1, columns));
}

inline int64_t block_count(int64_t rows, int64_t columns) {
  const int64_t size = block_rows(columns);
  return (rows + size - 1) / size;
}

/// Calls body(block, begin, end) for every block of rows, in parallel.
template <typename Body>
void for_row_blocks(int64_t rows, int64_t columns, const Body& body) {
  const int64_t size = block_rows(columns);
  at::parallel_for(
      0, block_count(rows, columns), 1, [&](int64_t first, int64_t last) {
        for (int64_t block = first; block < last; ++block) {
          const int64_t begin = block * size;
          body(block, begin, std::min(rows, begin + size));
        }
      });
}

} // namespace octet
