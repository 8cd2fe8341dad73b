// The order of an epoch: sets by weight, shuffled, packed, rows shuffled. All
// of it follows from the seed and the epoch's number, so that a cursor of two
// numbers continues it exactly.
#include "core/data/loader.h"

#include "core/base/problems.h"
#include "core/data/packing.h"
#include "core/data/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace octet {
namespace {

using Rows = std::vector<std::vector<int64_t>>;

enum Purpose : uint64_t { kDraw = 1, kSampleOrder = 2, kRowOrder = 3 };

std::vector<SampleRange> ranges_of(const TokenizedData& data) {
  if (!data.sets.empty()) {
    return data.sets;
  }
  return {{0, static_cast<int64_t>(data.samples.size()), 1.0}};
}

// Each set as often as its weight says: whole copies, then a random part.
std::vector<int64_t>
draw_samples(const TokenizedData& data, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> drawn;
  uint64_t set = 0;
  for (const SampleRange& range : ranges_of(data)) {
    std::vector<int64_t> all(static_cast<size_t>(range.end - range.begin));
    std::iota(all.begin(), all.end(), range.begin);
    const double whole = std::floor(range.weight);
    for (double copy = 0; copy < whole; ++copy) {
      drawn.insert(drawn.end(), all.begin(), all.end());
    }
    const auto rest =
        std::llround((range.weight - whole) * static_cast<double>(all.size()));
    if (rest > 0) {
      SplitMix64 random =
          stream_for(seed, kDraw, static_cast<uint64_t>(epoch), set);
      shuffle(all, random);
      all.resize(static_cast<size_t>(rest));
      std::sort(all.begin(), all.end());
      drawn.insert(drawn.end(), all.begin(), all.end());
    }
    ++set;
  }
  return drawn;
}

std::vector<int64_t> lengths_of(const TokenizedData& data) {
  std::vector<int64_t> lengths;
  lengths.reserve(data.samples.size());
  for (const Sample& sample : data.samples) {
    lengths.push_back(static_cast<int64_t>(sample.tokens.size()));
  }
  return lengths;
}

Rows rows_of(
    const std::vector<int64_t>& order,
    const std::vector<int64_t>& lengths,
    const RunConfig& config) {
  if (config.data.packing) {
    return pack_best_fit(lengths, order, config.data.max_length);
  }
  Rows rows;
  rows.reserve(order.size());
  for (const int64_t sample : order) {
    rows.push_back({sample});
  }
  return rows;
}

// Packing takes the longest first; without shuffling, rows and the samples in
// them go back to the order of the records.
void sort_by_record(Rows& rows) {
  for (std::vector<int64_t>& row : rows) {
    std::sort(row.begin(), row.end());
  }
  std::sort(rows.begin(), rows.end());
}

void append_sample(Microbatch& batch, const Sample& sample) {
  const size_t size = sample.tokens.size();
  for (size_t i = 0; i < size; ++i) {
    batch.tokens.push_back(sample.tokens[i]);
    batch.positions.push_back(static_cast<int64_t>(i));
    const int64_t target =
        i + 1 < size ? int64_t{sample.labels[i + 1]} : kIgnoreTarget;
    batch.targets.push_back(target);
    batch.target_count += target == kIgnoreTarget ? 0 : 1;
  }
  batch.cu_seqlens.push_back(static_cast<int64_t>(batch.tokens.size()));
}

Microbatch make_microbatch(
    const TokenizedData& data,
    const Rows& rows,
    int64_t begin,
    int64_t end) {
  Microbatch batch;
  batch.cu_seqlens.push_back(0);
  for (int64_t row = begin; row < end; ++row) {
    for (const int64_t sample : rows[static_cast<size_t>(row)]) {
      append_sample(batch, data.samples[static_cast<size_t>(sample)]);
    }
  }
  return batch;
}

} // namespace

struct Loader::Epoch {
  int64_t number = 0;
  Rows rows;
  /// Tokens of each row.
  std::vector<int64_t> row_tokens;

  int64_t row_count() const {
    return static_cast<int64_t>(rows.size());
  }
  /// The row behind the step that begins at `row`.
  int64_t step_end(int64_t row, const TrainSection& train) const {
    if (train.tokens_per_step <= 0) {
      const int64_t per_step = std::max<int64_t>(1, train.batch_size) *
          std::max<int64_t>(1, train.gradient_accumulation);
      return std::min(row + per_step, row_count());
    }
    int64_t tokens = 0;
    while (row < row_count() && tokens < train.tokens_per_step) {
      tokens += row_tokens[static_cast<size_t>(row)];
      ++row;
    }
    return row;
  }
};

Loader::Loader(
    std::shared_ptr<const TokenizedData> data,
    const RunConfig& config)
    : data_(std::move(data)), config_(config) {
  epoch(0);
}

const Loader::Epoch& Loader::epoch(int64_t number) const {
  if (epoch_ && epoch_->number == number) {
    return *epoch_;
  }
  const uint64_t seed = config_.run.seed;
  const auto at = static_cast<uint64_t>(number);
  std::vector<int64_t> order = draw_samples(*data_, seed, number);
  if (order.empty()) {
    throw Failure(
        ExitCode::input,
        "data",
        "an epoch has no samples; the sets hold " +
            std::to_string(data_->samples.size()) +
            " and their weights leave none");
  }
  if (config_.data.shuffle) {
    SplitMix64 random = stream_for(seed, kSampleOrder, at, 0);
    shuffle(order, random);
  }
  const std::vector<int64_t> lengths = lengths_of(*data_);
  auto made = std::make_shared<Epoch>();
  made->number = number;
  made->rows = rows_of(order, lengths, config_);
  if (config_.data.shuffle) {
    SplitMix64 random = stream_for(seed, kRowOrder, at, 0);
    shuffle(made->rows, random);
  } else if (config_.data.packing) {
    sort_by_record(made->rows);
  }
  for (const std::vector<int64_t>& row : made->rows) {
    int64_t tokens = 0;
    for (const int64_t sample : row) {
      tokens += lengths[static_cast<size_t>(sample)];
    }
    made->row_tokens.push_back(tokens);
  }
  epoch_ = std::move(made);
  return *epoch_;
}

StepBatch Loader::next() {
  const Epoch& rows = epoch(cursor_.epoch);
  const int64_t end = rows.step_end(cursor_.row, config_.train);
  const int64_t per_microbatch = std::max<int64_t>(1, config_.train.batch_size);
  StepBatch step;
  step.epoch = static_cast<double>(cursor_.epoch) +
      static_cast<double>(cursor_.row) / static_cast<double>(rows.row_count());
  for (int64_t row = cursor_.row; row < end; row += per_microbatch) {
    step.microbatches.push_back(make_microbatch(
        *data_, rows.rows, row, std::min(row + per_microbatch, end)));
    step.target_count += step.microbatches.back().target_count;
    step.token_count +=
        static_cast<int64_t>(step.microbatches.back().tokens.size());
  }
  cursor_.row = end;
  if (cursor_.row == rows.row_count()) {
    cursor_ = {cursor_.epoch + 1, 0};
  }
  return step;
}

Cursor Loader::cursor() const {
  return cursor_;
}

void Loader::seek(const Cursor& cursor) {
  if (cursor.epoch < 0 || cursor.row < 0 ||
      cursor.row > epoch(cursor.epoch).row_count()) {
    throw Failure(
        ExitCode::input,
        "data",
        "cannot continue at row " + std::to_string(cursor.row) + " of epoch " +
            std::to_string(cursor.epoch) +
            (cursor.epoch < 0 ? std::string()
                              : ", which has " +
                     std::to_string(epoch(cursor.epoch).row_count()) +
                     " rows") +
            "; was the data or its configuration changed?");
  }
  cursor_ = cursor;
  if (cursor_.row == epoch(cursor_.epoch).row_count()) {
    cursor_ = {cursor_.epoch + 1, 0};
  }
}

int64_t Loader::steps_per_epoch() const {
  return steps_in_epoch(0);
}

int64_t Loader::steps_in_epoch(int64_t number) const {
  const std::shared_ptr<const Epoch> kept = epoch_;
  const Epoch& rows = epoch(number);
  int64_t steps = 0;
  for (int64_t row = 0; row < rows.row_count(); ++steps) {
    row = rows.step_end(row, config_.train);
  }
  epoch_ = kept;
  return steps;
}

double Loader::fill_rate() const {
  if (!config_.data.packing) {
    return 1;
  }
  const std::shared_ptr<const Epoch> kept = epoch_;
  const Epoch& rows = epoch(0);
  const int64_t tokens = std::accumulate(
      rows.row_tokens.begin(), rows.row_tokens.end(), int64_t{0});
  epoch_ = kept;
  return static_cast<double>(tokens) /
      static_cast<double>(rows.row_count() * config_.data.max_length);
}

std::vector<Microbatch> evaluation_batches(
    const TokenizedData& data,
    const RunConfig& config) {
  std::vector<int64_t> order(data.samples.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  Rows rows = rows_of(order, lengths_of(data), config);
  sort_by_record(rows);
  const int64_t per_microbatch = std::max<int64_t>(1, config.train.batch_size);
  const auto count = static_cast<int64_t>(rows.size());
  std::vector<Microbatch> batches;
  for (int64_t row = 0; row < count; row += per_microbatch) {
    batches.push_back(make_microbatch(
        data, rows, row, std::min(row + per_microbatch, count)));
  }
  return batches;
}

} // namespace octet
