// Records as the model will see them, for `trainer data --show` and for the
// first example that a run prints.
#pragma once

#include "core/config/run_config.h"
#include "core/data/loader.h"
#include "core/text/tokenizer.h"

#include <cstdint>
#include <string>
#include <vector>

namespace octet {

struct ShownRecord {
  std::string file;
  int64_t line = 0;
  /// Name of the template; "" in stage pt.
  std::string chat_template;
  /// The rendered chat or the document, before tokenization.
  std::string text;
  /// Of the sample, after any cut. In stage pt, of the document before it is
  /// cut into blocks.
  std::vector<int32_t> tokens;
  /// kIgnoreTarget where not trained; not shifted.
  std::vector<int32_t> labels;
  /// The decoded tokens with the trained parts between ⟦ and ⟧.
  std::string marked;
  bool truncated = false;
  /// Why there are no tokens: the record is bad or was dropped; else "".
  std::string problem;
};

/// `count` records of data.train from number `from` (0 = the first one) on,
/// through all sets in order. Nothing is cached.
/// @throws Failure(input)
std::vector<ShownRecord> show_records(
    const RunConfig& config,
    const Tokenizer& tokenizer,
    int64_t from,
    int64_t count);

/// The decoded tokens with the trained parts between ⟦ and ⟧.
std::string mark_trained(const Sample& sample, const Tokenizer& tokenizer);

/// A line that counts tokens and labels, and mark_trained.
std::string describe_sample(const Sample& sample, const Tokenizer& tokenizer);

} // namespace octet
