// This program started anew, for what may end a process: opening libraries of
// others. Spawned, never forked.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace octet {

struct ChildOutput {
  /// Exit status, 128 + signal, or -1 when it was ended for being late.
  int status = -1;
  /// Standard output, and the last 2,000 bytes of the standard error.
  std::string out, err;
};

/// @param arguments without the program's name
/// @throws Failure(failed) when no process can be started
ChildOutput run_self(
    const std::vector<std::string>& arguments,
    std::chrono::seconds limit);

} // namespace octet
