// The options that the Metaspace pre-tokenizer and decoder share.
#pragma once

#include "core/text/json_part.h"

#include <string>

namespace octet::text {

enum class PrependScheme { always, first, never };

struct MetaspaceOptions {
  std::string replacement; ///< stands for a space; usually U+2581
  PrependScheme prepend;
  bool split;
};

/// Reads today's keys and the older add_prefix_space.
/// @throws Failure(input)
MetaspaceOptions read_metaspace(const JsonPart& part);

} // namespace octet::text
