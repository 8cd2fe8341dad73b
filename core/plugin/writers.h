// Who else can put code in a plugin's place. Whoever can write its file can,
// and so can whoever can write a folder on the way to it: there a rename is
// enough.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

/// Paths on the way to `file` that every user can write, from the root down:
/// the file, the folders above it, and the same of every link's target. A
/// sticky folder (/tmp) may be above, because nobody can rename another user's
/// file there, but may not hold the file itself: anybody can put a library
/// beside it. Ends early, without an error, where something is not there.
/// @param file absolute
std::vector<std::filesystem::path> paths_open_to_everybody(
    const std::filesystem::path& file);

/// What is open and how to close it, one line a path; "" when nothing is.
/// @param program the folder of the trainer's own libraries, absolute, or "".
/// It and what is above it are left out: whoever can write there can replace
/// the trainer, and a plugin that is refused protects nobody from that
std::string writers_problem(
    const std::filesystem::path& file,
    const std::filesystem::path& program = {});

} // namespace octet
