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

/// Neighbouring samples that come from one data set.
struct SampleRange {
  int64_t begin = 0;
  int64_t end = 0;
  /// How often each counts per epoch: 0.5 takes a half that changes from epoch
  /// to epoch, 2 takes all twice.
  double weight = 1;
};

/// Tokenized data sets behind one another, in the order of their records.
struct TokenizedData {
  std::vector<Sample> samples;
  /// Cover all samples in order; empty: one range of weight 1.
  std::vector<SampleRange> sets;
  /// SHA-256 of everything that decided the samples (files, template,
  /// tokenizer, options).
  std::string digest;
  int64_t records = 0, bad_records = 0, truncated = 0, dropped = 0;
  bool from_cache = false;
  /// The first sample as shown to the user: its text with the trained parts
  /// marked, the number of tokens and of labels.
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
  /// config gives max_length (tokens of a packed row), packing, shuffle, the
  /// batch sizes, and the seed that decides the order.
  /// @throws Failure(input) when an epoch would have no samples
  Loader(std::shared_ptr<const TokenizedData> data, const RunConfig& config);

  /// The next step's microbatches. Epochs follow one another; a step never
  /// spans two epochs.
  StepBatch next();
  Cursor cursor() const;
  /// @throws Failure(input) for a row that the epoch does not have
  void seek(const Cursor& cursor);
  /// Optimizer steps of epoch 0. Other epochs differ from it only with
  /// tokens_per_step or where a set's weight is no whole number.
  int64_t steps_per_epoch() const;
  /// Optimizer steps of that epoch, counted.
  int64_t steps_in_epoch(int64_t epoch) const;
  /// The part of the rows of epoch 0 that holds tokens; 1 without packing.
  double fill_rate() const;

 private:
  struct Epoch;
  /// The rows of an epoch; the last one asked for is kept.
  const Epoch& epoch(int64_t number) const;

  std::shared_ptr<const TokenizedData> data_;
  RunConfig config_;
  Cursor cursor_;
  mutable std::shared_ptr<const Epoch> epoch_;
};

/// All samples in order, for evaluation: each packed row once.
std::vector<Microbatch> evaluation_batches(
    const TokenizedData& data,
    const RunConfig& config);

} // namespace octet
