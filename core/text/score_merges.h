// A list of merges from the scores of a SentencePiece vocabulary.
#pragma once

#include "core/text/bpe.h"

#include <string>
#include <utility>
#include <vector>

namespace octet::text {

/// Every way to make a token from two others, the best-scored token first;
/// among equals by the length of the left part, then of the right one, longest
/// first: the order in which transformers writes them.
std::vector<std::pair<std::string, std::string>> score_merges(
    const BpeSpec& bpe);

} // namespace octet::text
