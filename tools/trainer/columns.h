// Text in columns, as listings print it.
#pragma once

#include <string>
#include <vector>

namespace octet {

/// One line a row; every column but the last as wide as its widest cell and two
/// blanks. All rows have the same number of cells.
std::string columns_text(const std::vector<std::vector<std::string>>& rows);

} // namespace octet
