// What a plugin must leave alone in the process that it is loaded into.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace octet::conformance {

struct ProcessState {
  std::map<std::string, std::string> environment;
  std::filesystem::path folder;
  /// How floating-point results are rounded, as fegetround tells.
  int rounding = 0;
  /// Bits of MXCSR that flush denormal numbers to zero.
  unsigned denormals = 0;
  /// Threads of ATen's parallel regions.
  int threads = 0;
};

ProcessState process_state();

/// @throws Error naming every difference
void expect_unchanged(const ProcessState& before, const ProcessState& after);

} // namespace octet::conformance
