// GGUF metadata in the words of config.json (private to core/spec).
#pragma once

#include "core/io/gguf.h"

#include <nlohmann/json.hpp>

namespace octet {

/// A config.json that transformers loads, made from the header of a file.
/// @throws Failure(input) for an unknown architecture or an unsupported key
nlohmann::json hf_config_of_gguf(const GgufFile& file);

} // namespace octet
