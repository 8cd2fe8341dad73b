// Texts about the options of a plugin, from its manifest alone.
#pragma once

#include "core/plugin/manifest.h"

#include <string>

namespace octet {

/// All options, each with type, default, range and help.
std::string options_text(const Manifest& manifest);

/// One option.
std::string option_text(const std::string& key, const OptionSpec& option);

} // namespace octet
