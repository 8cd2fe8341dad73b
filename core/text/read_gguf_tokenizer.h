// Reads the tokenizer in a GGUF file's metadata.
#pragma once

#include "core/io/gguf.h"
#include "core/text/pipeline.h"

namespace octet::text {

/// Models "gpt2" (merges) and "llama" (SentencePiece BPE with scores).
/// @throws Failure(input) naming the key that is missing or not supported
TokenizerSource read_gguf_tokenizer(const GgufFile& file);

} // namespace octet::text
