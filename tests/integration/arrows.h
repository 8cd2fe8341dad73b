// The table of allowed include arrows (arrows.txt) and the check of a source
// file against it. Reads text only; nothing is compiled or preprocessed.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace octet::arrows {

/// Folder -> what it may include, as written in arrows.txt.
using Table = std::map<std::string, std::vector<std::string>>;

/// @throws std::runtime_error naming the line of a row that is not
/// "folder -> name name ..." or comes twice
Table parse_table(const std::string& text);

/// The row of the table that a file belongs to ("core/io/gguf.cpp" ->
/// "core/io", "plugins/lora/lora.cpp" -> "plugins"); "" when there is none.
std::string row_of(const std::string& path, const Table& table);

/// Every include of the file that the table does not allow, each as
/// "path:line: what and why".
/// @param path relative to the repository
std::vector<std::string> check_file(
    const std::string& path,
    const std::string& text,
    const Table& table);

} // namespace octet::arrows
