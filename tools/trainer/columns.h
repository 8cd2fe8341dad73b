// Text in columns, as listings print it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace octet {

/// Colours a cell that has been padded to its column's width.
using Paint = std::function<
    std::string(size_t row, size_t column, const std::string& padded)>;

/// One line a row; every column but the last as wide as its widest cell and two
/// blanks. All rows have the same number of cells.
std::string columns_text(
    const std::vector<std::vector<std::string>>& rows,
    const Paint& paint = {});

} // namespace octet
