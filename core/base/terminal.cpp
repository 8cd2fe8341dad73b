// The conventions that programs agree on.
#include "core/base/terminal.h"

#include <unistd.h>

#include <cstdlib>

namespace octet {

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
