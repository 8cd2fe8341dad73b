// load_data: every set of the run, what was wrong with them, and the part that
// is held out for evaluation.
#include "core/data/loader.h"

#include "core/base/problems.h"
#include "core/base/sha256.h"
#include "core/data/random.h"
#include "core/data/show.h"
#include "core/data/tokenized_set.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace octet {
namespace {

constexpr uint64_t kHoldOut = 4;

struct LoadedSets {
  TokenizedData data;
  /// "file:line: what is wrong", the first of them.
  std::vector<std::string> bad;
};

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    text += "\n  - " + item;
  }
  return text;
}

void report_long(const DataSetConfig& set, const TokenizedSet& loaded) {
  if (loaded.long_notes.empty()) {
    return;
  }
  std::vector<std::string> items;
  for (const RecordNote& entry : loaded.long_notes) {
    items.push_back(
        set.path.string() + ":" + std::to_string(entry.line) + " " +
        entry.text);
  }
  const int64_t all = loaded.truncated + loaded.dropped;
  spdlog::warn(
      "[data] {}: records longer than data.max_length: {} cut, {} dropped{}:{}",
      set.path.string(),
      loaded.truncated,
      loaded.dropped,
      static_cast<size_t>(all) > items.size() ? "; the first of them" : "",
      listed(items));
}

LoadedSets load_sets(
    const std::vector<DataSetConfig>& sets,
    int64_t max_records,
    const SetContext& context) {
  LoadedSets all;
  Problems problems;
  Sha256 digest;
  all.data.from_cache = !sets.empty();
  for (const DataSetConfig& set : sets) {
    TokenizedSet loaded;
    try {
      int64_t most = set.max_records;
      if (max_records > 0) {
        most = most > 0 ? std::min(most, max_records) : max_records;
      }
      loaded = load_set(set, most, context);
    } catch (const Failure& failure) {
      if (failure.component() != "data") {
        throw;
      }
      problems.add(failure.message());
      continue;
    }
    digest.update_field(loaded.key);
    digest.update_field(std::to_string(set.weight));
    const auto begin = static_cast<int64_t>(all.data.samples.size());
    std::move(
        loaded.samples.begin(),
        loaded.samples.end(),
        std::back_inserter(all.data.samples));
    all.data.sets.push_back(
        {begin, static_cast<int64_t>(all.data.samples.size()), set.weight});
    all.data.records += loaded.records;
    all.data.bad_records += loaded.bad_records;
    all.data.truncated += loaded.truncated;
    all.data.dropped += loaded.dropped;
    all.data.from_cache = all.data.from_cache && loaded.from_cache;
    for (const RecordNote& entry : loaded.bad_notes) {
      if (all.bad.size() < kNamedRecords) {
        all.bad.push_back(
            set.path.string() + ":" + std::to_string(entry.line) + ": " +
            entry.text);
      }
    }
    report_long(set, loaded);
    if (loaded.crossed > 0) {
      spdlog::warn(
          "[data] {}: in {} records a token reaches from a question into its "
          "answer; it counts to the part in which it begins",
          set.path.string(),
          loaded.crossed);
    }
  }
  problems.raise(
      ExitCode::input, "data", "the data sets cannot be used as they are");
  all.data.digest = digest.hex();
  return all;
}

void check_bad_records(const LoadedSets& all, double limit) {
  const int64_t bad = all.data.bad_records;
  if (bad == 0) {
    return;
  }
  std::string text = std::to_string(bad) + " of " +
      std::to_string(all.data.records) + " records cannot be used";
  if (static_cast<size_t>(bad) > all.bad.size()) {
    text += ", the first " + std::to_string(all.bad.size()) + " of them";
  }
  text += ":" + listed(all.bad);
  if (static_cast<double>(bad) >
      limit * static_cast<double>(all.data.records)) {
    throw Failure(
        ExitCode::input,
        "data",
        text + "\nCorrect them, or let data.bad_record_limit (now " +
            fmt::format("{}", limit) + ") allow this part of the records.");
  }
  spdlog::warn("[data] left out: {}", text);
}

void check_not_empty(const TokenizedData& data, const std::string& which) {
  if (!data.samples.empty()) {
    return;
  }
  throw Failure(
      ExitCode::input,
      "data",
      which + " has no sample to train on: of " + std::to_string(data.records) +
          " records " + std::to_string(data.bad_records) + " are bad and " +
          std::to_string(data.dropped) + " were dropped (see above)");
}

// Moves a part of the samples, chosen by the seed, from train to eval.
void hold_out(RunData& data, double fraction, uint64_t seed) {
  TokenizedData& train = data.train;
  const auto count = static_cast<int64_t>(train.samples.size());
  if (count < 2) {
    throw Failure(
        ExitCode::input,
        "data",
        "data.eval_fraction needs at least 2 samples, there is " +
            std::to_string(count));
  }
  const int64_t held = std::clamp<int64_t>(
      std::llround(fraction * static_cast<double>(count)), 1, count - 1);
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  SplitMix64 random = stream_for(seed, kHoldOut, 0, 0);
  shuffle(order, random);
  std::vector<bool> is_held(static_cast<size_t>(count), false);
  for (int64_t i = 0; i < held; ++i) {
    is_held[static_cast<size_t>(order[static_cast<size_t>(i)])] = true;
  }

  std::vector<Sample> kept;
  for (SampleRange& range : train.sets) {
    const auto begin = static_cast<int64_t>(kept.size());
    for (int64_t i = range.begin; i < range.end; ++i) {
      const auto at = static_cast<size_t>(i);
      (is_held[at] ? data.eval.samples : kept)
          .push_back(std::move(train.samples[at]));
    }
    range.begin = begin;
    range.end = static_cast<int64_t>(kept.size());
  }
  train.samples = std::move(kept);
  data.eval.records = held;
  data.eval.from_cache = train.from_cache;
  data.eval.sets = {{0, held, 1}};
  const std::string split = fmt::format("{} by seed {}", fraction, seed);
  data.eval.digest = sha256_hex("eval " + split + train.digest);
  train.digest = sha256_hex("train " + split + train.digest);
}

void check_config(const RunConfig& config) {
  Problems problems;
  if (config.data.train.empty()) {
    problems.add("data.train names no data set");
  }
  if (!config.data.eval.empty() && config.data.eval_fraction > 0) {
    problems.add(
        "data.eval and data.eval_fraction are both set; choose one of them");
  }
  for (const DataSetConfig& set : config.data.eval) {
    if (set.weight != 1) {
      problems.add(
          "weight of " + set.path.string() + " (" + set.place.text() +
          "): a set for evaluation is read once and whole; remove it");
    }
  }
  if (config.train.stage == "sft" && config.data.mask_history &&
      config.data.train_on_prompt) {
    problems.add(
        "data.mask_history trains the last answer alone, and "
        "data.train_on_prompt the questions too; choose one of them");
  }
  problems.raise(
      ExitCode::usage, "data", "the data section contradicts itself");
}

} // namespace

RunData load_data(const RunConfig& config, const Tokenizer& tokenizer) {
  check_config(config);
  const SetContext context{
      config, tokenizer, template_of(config, tokenizer), tokenizer.digest()};
  if (context.chat_template && !context.chat_template->keeps_system()) {
    spdlog::warn(
        "[data] template {} writes a system message only before a last "
        "question, so system messages are not seen in training",
        context.chat_template->name());
  }
  RunData data;
  LoadedSets train = load_sets(config.data.train, 0, context);
  LoadedSets eval =
      load_sets(config.data.eval, config.eval.max_records, context);
  check_bad_records(train, config.data.bad_record_limit);
  check_bad_records(eval, config.data.bad_record_limit);
  data.train = std::move(train.data);
  data.eval = std::move(eval.data);
  check_not_empty(data.train, "data.train");
  if (!config.data.eval.empty()) {
    check_not_empty(data.eval, "data.eval");
  }
  data.train.first_example =
      describe_sample(data.train.samples.front(), tokenizer);
  if (config.data.eval_fraction > 0) {
    hold_out(data, config.data.eval_fraction, config.run.seed);
    if (config.eval.max_records > 0 &&
        data.eval.records > config.eval.max_records) {
      data.eval.records = config.eval.max_records;
      data.eval.samples.resize(static_cast<size_t>(data.eval.records));
      data.eval.sets = {{0, data.eval.records, 1}};
    }
  }
  return data;
}

} // namespace octet
