// Reads tokenizer.json.
#pragma once

#include "core/text/pipeline.h"

#include <string>

namespace octet::text {

/// @param content the file's text
/// @param file its name, for messages
/// @throws Failure(input): not JSON, another model than BPE, tokens whose ids
/// tokenizers would change, ...
TokenizerSource read_tokenizer_json(std::string content, std::string file);

} // namespace octet::text
