// Runs the checks of one file in a child process with a folder of its own as
// current folder, HOME and TMPDIR, so that a plugin that crashes or hangs
// fails a check instead of ending the runner, and so that every file it writes
// is seen.
#pragma once

#include "sdk/conformance/check.h"

#include <filesystem>
#include <string>
#include <vector>

namespace octet::conformance {

struct Outcome {
  std::vector<Row> rows;
  /// False when the plugin's probe said that it cannot be used here.
  bool usable = true;

  bool failed() const;
};

/// @param arguments of this program, for the child: options and the file
/// @param seconds from the first check on, after which the child is killed;
/// starting the program and ending it have limits of their own
Outcome supervise(
    const std::filesystem::path& file,
    const std::vector<std::string>& arguments,
    int seconds);

} // namespace octet::conformance
