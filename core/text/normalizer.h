// Normalizers of tokenizer.json: text in, text out.
#pragma once

#include "core/text/json_part.h"

#include <memory>
#include <string>

namespace octet::text {

/// A text on its way, and whether its first character is still that of the
/// input (Metaspace's "first" asks).
struct NormalText {
  std::string text;
  bool starts_input = true;
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(NormalText& text) const = 0;
};

/// @param part the "normalizer" value; null gives nullptr
/// @throws Failure(input) naming what is not supported
std::unique_ptr<const Normalizer> read_normalizer(const JsonPart& part);

} // namespace octet::text
