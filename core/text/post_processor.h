// Post-processors of tokenizer.json, as far as they decide ids: where the
// special tokens around a text go.
#pragma once

#include "core/text/json_part.h"

#include <cstdint>
#include <vector>

namespace octet::text {

class PostProcessor {
 public:
  /// Nothing is added.
  PostProcessor() = default;
  /// @param part the "post_processor" value; may be null
  /// @throws Failure(input) naming what is not supported
  explicit PostProcessor(const JsonPart& part);

  /// Puts the special tokens around one text's ids.
  void apply(std::vector<int32_t>& ids) const;

 private:
  /// One step: ids before, the text, ids behind.
  struct Frame {
    std::vector<int32_t> before;
    std::vector<int32_t> after;
  };
  void read(const JsonPart& part);
  void read_template(const JsonPart& part);

  std::vector<Frame> frames_;
};

} // namespace octet::text
