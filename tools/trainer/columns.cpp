// Widths first, then the lines.
#include "tools/trainer/columns.h"

#include <algorithm>

namespace octet {

std::string columns_text(
    const std::vector<std::vector<std::string>>& rows,
    const Paint& paint) {
  std::vector<size_t> widths(rows.empty() ? 0 : rows.front().size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto& row = rows[r];
    for (size_t i = 0; i < row.size(); ++i) {
      std::string cell = row[i];
      if (i + 1 < row.size()) {
        cell.resize(widths[i] + 2, ' ');
      }
      text += paint ? paint(r, i, cell) : cell;
    }
    text += "\n";
  }
  return text;
}

} // namespace octet
