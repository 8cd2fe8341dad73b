// Tokenized samples to packed batches, in an order that the seed decides.
#pragma once

#include "core/config/run_config.h"
#include "core/data/batch.h"
#include "core/text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace octet {

/// One tokenized record: labels are kIgnoreTarget where not trained, and not
/// shifted.
struct Sample {
  std::vector<int32_t> tokens;
  std::vector<int32_t> labels;
};

/// A tokenized data set, in the order of its records.
struct TokenizedData {
  std::vector<Sample> samples;
  /// SHA-256 of everything that decided the samples (files, template,
  /// tokenizer, options).
  std::string digest;
  int64_t records = 0, bad_records = 0, truncated = 0, dropped = 0;
  bool from_cache = false;
  /// The first record as shown to the user: its text, tokens and labels.
  std::string first_example;
};

/// Both parts of the data; `eval` is empty when there is none.
struct RunData {
  TokenizedData train, eval;
};

/// Reads, templates and tokenizes (in parallel, cached by content) what
/// config.data names.
/// @throws Failure(input): missing file, empty set, more bad records than
/// data.bad_record_limit allows (each with file:line and what is wrong), ...
RunData load_data(const RunConfig& config, const Tokenizer& tokenizer);

class Loader {
 public:
  /// @param max_length tokens of a packed row; @param seed decides the order
  Loader(std::shared_ptr<const TokenizedData> data, const RunConfig& config);

  /// The next step's microbatches. Epochs follow one another; a step never
  /// spans two epochs.
  StepBatch next();
  Cursor cursor() const;
  void seek(const Cursor& cursor);
  /// Optimizer steps of one epoch (of epoch 0 when packing varies).
  int64_t steps_per_epoch() const;

 private:
  struct Epoch;
  std::shared_ptr<const TokenizedData> data_;
  RunConfig config_;
  Cursor cursor_;
  std::shared_ptr<Epoch> epoch_;
};

/// All samples in order, for evaluation: each packed row once.
std::vector<Microbatch> evaluation_batches(
    const TokenizedData& data,
    const RunConfig& config);

} // namespace octet
