// Decoders of tokenizer.json: tokens back to text.
#pragma once

#include "core/text/json_part.h"

#include <memory>
#include <string>
#include <vector>

namespace octet::text {

/// Changes a list of tokens into a list of texts; their concatenation is the
/// decoded text.
class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

/// @param part the "decoder" value; null gives nullptr
/// @throws Failure(input) naming what is not supported
std::unique_ptr<const TokenDecoder> read_decoder(const JsonPart& part);

} // namespace octet::text
