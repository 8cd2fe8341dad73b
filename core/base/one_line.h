// A text of several lines within a sentence.
#pragma once

#include <string>

namespace octet {

/// The lines of `text` joined with "; ".
inline std::string one_line(std::string text) {
  for (size_t at = text.find('\n'); at != std::string::npos;
       at = text.find('\n', at)) {
    text.replace(at, 1, "; ");
  }
  return text;
}

} // namespace octet
