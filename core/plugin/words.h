// How names, versions and capabilities are written in a manifest.
#pragma once

#include <string_view>

namespace octet {

/// A lower-case letter, then lower-case letters, digits and `marks`; at most 64
/// in all.
bool is_word(std::string_view text, std::string_view marks);

/// A plugin, capability or storage: a word with - and _.
bool is_name(std::string_view text);

/// "op:rms_norm".
bool is_op(std::string_view claim);

/// What a feature may claim besides slots and ops: a hook that it registers.
/// "step_end" runs after each optimizer step.
bool is_hook(std::string_view claim);

/// "1.2.3" or "1.2.3-beta.1".
bool is_version(std::string_view text);

/// A compute capability: "8.9" or ">=9.0".
bool is_capability(std::string_view text);

} // namespace octet
