// Whether bytes are UTF-8.
#pragma once

#include <string_view>

namespace octet {

/// No overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view bytes);

} // namespace octet
