// HOME first, as every shell does, then the password file.
#include "core/config/home.h"

#include "core/base/problems.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace octet {

std::filesystem::path expand_home(const std::string& path) {
  if (path != "~" && path.rfind("~/", 0) != 0) {
    return path;
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    const passwd* entry = getpwuid(getuid());
    home = entry != nullptr ? entry->pw_dir : nullptr;
  }
  if (home == nullptr || *home == '\0') {
    throw Failure(
        ExitCode::usage,
        "config",
        "expected a home folder for " + path +
            ", found none; set HOME or write the path in full");
  }
  return std::filesystem::path(home) / path.substr(path.size() > 1 ? 2 : 1);
}

} // namespace octet
