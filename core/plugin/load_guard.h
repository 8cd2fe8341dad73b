// Names the plugin when its static constructors end the program: an exit(0) in
// one would otherwise look like success.
#pragma once

#include <string>

namespace octet {

/// Lives while a library is opened. If the process exits or terminates
/// meanwhile, it says so on stderr and ends with ExitCode::resolution instead.
class LoadGuard {
 public:
  /// @param plugin name and path, for the message
  explicit LoadGuard(const std::string& plugin);
  ~LoadGuard();
  LoadGuard(const LoadGuard&) = delete;
  LoadGuard& operator=(const LoadGuard&) = delete;
};

} // namespace octet
