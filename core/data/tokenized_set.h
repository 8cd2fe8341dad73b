// One data set, read, checked and tokenized, or taken from the cache.
#pragma once

#include "core/config/run_config.h"
#include "core/data/encode.h"
#include "core/data/loader.h"
#include "core/text/template.h"
#include "core/text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace octet {

/// Records that a message names; the rest are only counted.
inline constexpr size_t kNamedRecords = 10;

/// A record that was refused, cut or dropped.
struct RecordNote {
  int64_t line = 0;
  std::string text;
};

struct TokenizedSet {
  std::vector<Sample> samples;
  /// SHA-256 of what decided the samples; the cache's key.
  std::string key;
  std::string format;
  int64_t records = 0, bad_records = 0, truncated = 0, dropped = 0;
  /// Samples in which a token crosses from a question into an answer.
  int64_t crossed = 0;
  /// The first of each, in the order of the file.
  std::vector<RecordNote> bad_notes, long_notes;
  bool from_cache = false;
};

/// What a run does to every set.
struct SetContext {
  const RunConfig& config;
  const Tokenizer& tokenizer;
  /// Null in stage pt.
  std::shared_ptr<const ChatTemplate> chat_template;
  /// Of the tokenizer, which takes a while to compute.
  std::string tokenizer_digest;
};

/// The template that the run asks for; null in stage pt.
/// @throws Failure naming what exists
std::shared_ptr<const ChatTemplate> template_of(
    const RunConfig& config,
    const Tokenizer& tokenizer);

EncodeOptions encode_options(const RunConfig& config);

/// @param max_records at most so many records of the file; 0 = all
/// @throws Failure(input)
TokenizedSet load_set(
    const DataSetConfig& set,
    int64_t max_records,
    const SetContext& context);

} // namespace octet
