// The order of epochs, the cursor, and what a step is made of.
#include "core/data/loader.h"

#include "core/data/packing.h"
#include "core/data/random.h"
#include "tests/core/data/data_fixture.h"

#include <algorithm>
#include <map>
#include <set>

namespace octet {
namespace {

// Samples of the given lengths; sample i is made of tokens i, the first label
// is ignored.
std::shared_ptr<TokenizedData> samples_of(const std::vector<int64_t>& lengths) {
  auto data = std::make_shared<TokenizedData>();
  for (size_t i = 0; i < lengths.size(); ++i) {
    Sample sample;
    sample.tokens.assign(
        static_cast<size_t>(lengths[i]), static_cast<int32_t>(i));
    sample.labels = sample.tokens;
    sample.labels.front() = -100;
    data->samples.push_back(sample);
  }
  return data;
}

std::vector<int64_t> mixed_lengths(size_t count) {
  std::vector<int64_t> lengths;
  for (size_t i = 0; i < count; ++i) {
    lengths.push_back(2 + static_cast<int64_t>((i * 37 + i * i) % 60));
  }
  return lengths;
}

// How often each sample is in the steps of the epoch that the loader is at,
// and the number of steps.
std::pair<std::map<int64_t, int>, int64_t> read_epoch(Loader& loader) {
  std::map<int64_t, int> seen;
  int64_t steps = 0;
  const int64_t epoch = loader.cursor().epoch;
  while (loader.cursor().epoch == epoch) {
    ++steps;
    for (const Microbatch& batch : loader.next().microbatches) {
      for (size_t i = 0; i + 1 < batch.cu_seqlens.size(); ++i) {
        ++seen[batch.tokens[static_cast<size_t>(batch.cu_seqlens[i])]];
      }
    }
  }
  return {seen, steps};
}

std::vector<std::vector<int64_t>> tokens_of(const StepBatch& step) {
  std::vector<std::vector<int64_t>> tokens;
  for (const Microbatch& batch : step.microbatches) {
    tokens.push_back(batch.tokens);
  }
  return tokens;
}

} // namespace

using LoaderTest = DataTest;

TEST_F(LoaderTest, GivesEverySampleOnceAnEpoch) {
  config.data.max_length = 64;
  config.train.batch_size = 2;
  config.train.gradient_accumulation = 3;
  for (const bool packing : {false, true}) {
    config.data.packing = packing;
    Loader loader(samples_of(mixed_lengths(101)), config);
    for (int epoch = 0; epoch < 3; ++epoch) {
      const auto [seen, steps] = read_epoch(loader);
      EXPECT_EQ(seen.size(), 101u);
      for (const auto& [sample, times] : seen) {
        EXPECT_EQ(times, 1) << "sample " << sample;
      }
      EXPECT_EQ(steps, loader.steps_in_epoch(epoch));
    }
    EXPECT_EQ(loader.steps_per_epoch(), loader.steps_in_epoch(0));
  }
}

TEST_F(LoaderTest, NeverFillsARowPastItsCapacity) {
  config.data.max_length = 64;
  Loader loader(samples_of(mixed_lengths(200)), config);
  while (loader.cursor().epoch == 0) {
    for (const Microbatch& batch : loader.next().microbatches) {
      EXPECT_LE(batch.tokens.size(), 64u);
    }
  }
}

TEST_F(LoaderTest, ShiftsTargetsWithinEachSequence) {
  auto data = std::make_shared<TokenizedData>();
  data->samples = {
      {{10, 11, 12}, {-100, 11, 12}}, {{20, 21, 22, 23}, {-100, -100, 22, 23}}};
  config.data.shuffle = false;
  const StepBatch step = Loader(data, config).next();
  ASSERT_EQ(step.microbatches.size(), 1u);
  const Microbatch& batch = step.microbatches[0];
  EXPECT_EQ(batch.tokens, (std::vector<int64_t>{10, 11, 12, 20, 21, 22, 23}));
  EXPECT_EQ(
      batch.targets, (std::vector<int64_t>{11, 12, -100, -100, 22, 23, -100}));
  EXPECT_EQ(batch.positions, (std::vector<int64_t>{0, 1, 2, 0, 1, 2, 3}));
  EXPECT_EQ(batch.cu_seqlens, (std::vector<int64_t>{0, 3, 7}));
  EXPECT_EQ(batch.target_count, 4);
  EXPECT_EQ(step.target_count, 4);
  EXPECT_EQ(step.token_count, 7);
}

TEST_F(LoaderTest, GivesTheSameOrderForTheSameSeedAndAnotherForAnother) {
  const auto data = samples_of(mixed_lengths(50));
  Loader one(data, config), same(data, config);
  config.run.seed = 2;
  Loader other(data, config);
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    const auto tokens = tokens_of(one.next());
    EXPECT_EQ(tokens, tokens_of(same.next()));
    differs = differs || tokens != tokens_of(other.next());
  }
  EXPECT_TRUE(differs);
}

TEST_F(LoaderTest, OrdersEachEpochAnew) {
  Loader loader(samples_of(mixed_lengths(50)), config);
  std::vector<std::vector<std::vector<int64_t>>> epochs;
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    epochs.emplace_back();
    while (loader.cursor().epoch == epoch) {
      epochs.back().push_back(tokens_of(loader.next()).front());
    }
  }
  EXPECT_NE(epochs[0], epochs[1]);
}

TEST_F(LoaderTest, ContinuesFromAnyCursorWithTheSameSteps) {
  config.data.max_length = 64;
  config.train.batch_size = 2;
  config.train.gradient_accumulation = 2;
  auto data = samples_of(mixed_lengths(60));
  data->sets = {{0, 40, 0.5}, {40, 60, 1.5}};
  Loader whole(data, config);
  std::vector<Cursor> cursors;
  std::vector<StepBatch> steps;
  while (whole.cursor().epoch < 3) {
    cursors.push_back(whole.cursor());
    steps.push_back(whole.next());
  }
  for (size_t start = 0; start < steps.size(); ++start) {
    Loader resumed(data, config);
    resumed.seek(cursors[start]);
    for (size_t i = start; i < steps.size(); ++i) {
      const StepBatch step = resumed.next();
      ASSERT_EQ(tokens_of(step), tokens_of(steps[i])) << start << " " << i;
      ASSERT_EQ(step.epoch, steps[i].epoch);
    }
  }
}

TEST_F(LoaderTest, RefusesACursorThatTheDataDoesNotHave) {
  Loader loader(samples_of({3, 4}), config);
  config.data.packing = false;
  Loader unpacked(samples_of({3, 4}), config);
  unpacked.seek({0, 2});
  EXPECT_EQ(unpacked.cursor().epoch, 1);
  EXPECT_THAT(
      failure_of([&] {
        unpacked.seek({0, 3});
      }),
      testing::HasSubstr("row 3 of epoch 0, which has 2 rows"));
  EXPECT_THROW(loader.seek({-1, 0}), Failure);
  EXPECT_THROW(loader.seek({0, -1}), Failure);
}

TEST_F(LoaderTest, DoesNotDependOnTheAccumulationSplit) {
  const auto data = samples_of(mixed_lengths(64));
  config.data.max_length = 64;
  config.train.batch_size = 1;
  config.train.gradient_accumulation = 8;
  Loader narrow(data, config);
  config.train.batch_size = 4;
  config.train.gradient_accumulation = 2;
  Loader wide(data, config);
  while (narrow.cursor().epoch == 0) {
    const StepBatch a = narrow.next(), b = wide.next();
    EXPECT_EQ(a.target_count, b.target_count);
    EXPECT_EQ(a.token_count, b.token_count);
    std::vector<int64_t> a_tokens, b_tokens;
    for (const auto& [step, tokens] :
         {std::pair{&a, &a_tokens}, std::pair{&b, &b_tokens}}) {
      for (const Microbatch& batch : step->microbatches) {
        tokens->insert(tokens->end(), batch.tokens.begin(), batch.tokens.end());
      }
    }
    EXPECT_EQ(a_tokens, b_tokens);
  }
}

TEST_F(LoaderTest, TakesRowsUntilAStepHasItsTokens) {
  config.data.packing = false;
  config.data.shuffle = false;
  config.train.batch_size = 2;
  config.train.gradient_accumulation = 100;
  config.train.tokens_per_step = 10;
  Loader loader(samples_of({4, 4, 4, 10, 9, 1, 2}), config);
  std::vector<int64_t> tokens, microbatches;
  while (loader.cursor().epoch == 0) {
    const StepBatch step = loader.next();
    tokens.push_back(step.token_count);
    microbatches.push_back(static_cast<int64_t>(step.microbatches.size()));
  }
  EXPECT_EQ(tokens, (std::vector<int64_t>{12, 10, 10, 2}));
  EXPECT_EQ(microbatches, (std::vector<int64_t>{2, 1, 1, 1}));
  EXPECT_EQ(loader.steps_per_epoch(), 4);
}

TEST_F(LoaderTest, CountsASetAsOftenAsItsWeightSays) {
  auto data = samples_of(std::vector<int64_t>(100, 5));
  data->sets = {{0, 40, 0.25}, {40, 60, 2}, {60, 90, 1.5}, {90, 100, 0}};
  Loader loader(data, config);
  std::vector<std::set<int64_t>> quarters;
  for (int epoch = 0; epoch < 2; ++epoch) {
    const auto [seen, steps] = read_epoch(loader);
    std::vector<int64_t> per_set(4);
    quarters.emplace_back();
    for (const auto& [sample, times] : seen) {
      const size_t set = sample < 40 ? 0
          : sample < 60              ? 1
          : sample < 90              ? 2
                                     : 3;
      per_set[set] += times;
      if (set == 0) {
        quarters.back().insert(sample);
        EXPECT_EQ(times, 1);
      } else if (set == 1) {
        EXPECT_EQ(times, 2);
      }
    }
    EXPECT_EQ(per_set, (std::vector<int64_t>{10, 40, 45, 0}));
  }
  EXPECT_NE(quarters[0], quarters[1]);
}

TEST_F(LoaderTest, RefusesAnEpochWithoutSamples) {
  auto data = samples_of({5, 5});
  data->sets = {{0, 2, 0}};
  EXPECT_THAT(
      failure_of([&] { Loader(data, config); }),
      testing::HasSubstr("an epoch has no samples; the sets hold 2"));
  EXPECT_THROW(Loader(samples_of({}), config), Failure);
}

TEST_F(LoaderTest, KeepsTheRecordsOrderWithoutShuffling) {
  config.data.shuffle = false;
  config.data.packing = false;
  Loader loader(samples_of({5, 2, 9, 2}), config);
  for (const int64_t sample : {0, 1, 2, 3}) {
    EXPECT_EQ(loader.next().microbatches[0].tokens[0], sample);
  }
}

TEST_F(LoaderTest, EvaluatesEverySampleOnceInOrder) {
  const auto data = samples_of(mixed_lengths(33));
  config.data.max_length = 64;
  config.train.batch_size = 2;
  std::vector<int> seen(33);
  int64_t last_first = -1;
  for (const Microbatch& batch : evaluation_batches(*data, config)) {
    EXPECT_LE(batch.tokens.size(), 128u);
    EXPECT_GT(batch.tokens[0], last_first);
    last_first = batch.tokens[0];
    for (size_t i = 0; i + 1 < batch.cu_seqlens.size(); ++i) {
      ++seen[static_cast<size_t>(
          batch.tokens[static_cast<size_t>(batch.cu_seqlens[i])])];
    }
  }
  EXPECT_EQ(seen, std::vector<int>(33, 1));
}

TEST(Packing, TakesTheLongestSampleThatStillFits) {
  // 7 leaves 3, so 3 fits exactly; 6 leaves 4, then 2; 5 is alone.
  EXPECT_EQ(
      pack_best_fit({5, 7, 2, 6, 3}, {0, 1, 2, 3, 4}, 10),
      (std::vector<std::vector<int64_t>>{{1, 4}, {3, 2}, {0}}));
}

TEST(Packing, RefusesASampleThatFitsNoRow) {
  EXPECT_THROW(pack_best_fit({11}, {0}, 10), Error);
  EXPECT_THROW(pack_best_fit({0}, {0}, 10), Error);
}

TEST(Packing, FillsRowsNearlyWhole) {
  SplitMix64 random(7);
  std::vector<int64_t> lengths, order;
  int64_t tokens = 0;
  for (int64_t i = 0; i < 2000; ++i) {
    order.push_back(i);
    lengths.push_back(2 + static_cast<int64_t>(random.below(60)));
    tokens += lengths.back();
  }
  const auto rows = pack_best_fit(lengths, order, 64);
  EXPECT_LE(static_cast<int64_t>(rows.size()), tokens / 64 * 102 / 100);
}

TEST(Random, DrawsEveryOrderOfThreeAboutEquallyOften) {
  std::map<std::vector<int>, int> times;
  SplitMix64 random(3);
  for (int i = 0; i < 6000; ++i) {
    std::vector<int> order{0, 1, 2};
    shuffle(order, random);
    ++times[order];
  }
  EXPECT_EQ(times.size(), 6u);
  for (const auto& [order, count] : times) {
    EXPECT_NEAR(count, 1000, 150);
  }
}

TEST(Random, IsSplitMix64) {
  // The first outputs for seed 1234567, as in the reference code's test.
  SplitMix64 random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317ULL);
  EXPECT_EQ(random.next(), 3203168211198807973ULL);
  EXPECT_EQ(random.next(), 9817491932198370423ULL);
}

} // namespace octet
