// One record of a data set, whatever format it was written in.
#pragma once

#include "core/text/template.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace octet {

struct Record {
  /// A chat; its last message is the assistant's. Empty for plain text.
  std::vector<ChatMessage> messages;
  /// Plain text (format text).
  std::string text;
};

/// A record that cannot be used. The text says what was expected and what was
/// found; file and line are added by who reads the file.
class BadRecord : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

} // namespace octet
