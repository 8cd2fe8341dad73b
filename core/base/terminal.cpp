// The conventions that programs agree on.
#include "core/base/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace octet {

void occupy_standard_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
      // The lowest free number is this one.
      ::open("/dev/null", O_RDONLY);
    }
  }
}

bool shows_colour(int descriptor) {
  const auto value = [](const char* name) {
    const char* text = std::getenv(name);
    return std::string_view(text == nullptr ? "" : text);
  };
  return ::isatty(descriptor) == 1 && value("NO_COLOR").empty() &&
      !value("TERM").empty() && value("TERM") != "dumb";
}

Style Style::standard_output() {
  return Style(shows_colour(STDOUT_FILENO));
}

} // namespace octet
