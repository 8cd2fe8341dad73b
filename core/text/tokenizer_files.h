// Writes the two files that stand for a tokenizer beside a model.
#pragma once

#include "core/text/pipeline.h"

#include <string>
#include <vector>

namespace octet::text {

/// A tokenizer.json that Hugging Face tokenizers loads. Scores become a list
/// of merges, best first; see docs/tokenizers.md for what that cannot say.
std::string write_tokenizer_json(
    const TokenizerSource& source,
    const BpeSpec& bpe,
    const std::vector<AddedToken>& added);

/// tokenizer_config.json: the model's own with the chat template in it, or one
/// made from what is known.
std::string write_tokenizer_config(
    const TokenizerSource& source,
    const AddedTokens& added);

/// SHA-256, lower-case hex, of a tokenizer.json and scores.
std::string digest_of(
    const std::string& tokenizer_json,
    const std::vector<float>& scores);

} // namespace octet::text
