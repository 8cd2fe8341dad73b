// From files to samples: cutting, stages, hold-out, the cache, what is shown.
#include "core/data/loader.h"
#include "core/data/show.h"
#include "tests/core/data/data_fixture.h"

#include <algorithm>
#include <set>

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string alpaca(const std::string& question, const std::string& answer) {
  return "{\"instruction\": \"" + question + "\", \"output\": \"" + answer +
      "\"}\n";
}

std::string decoded(const Tokenizer& tokenizer, const Sample& sample) {
  return tokenizer.decode(sample.tokens, false);
}

} // namespace

class LoadTest : public DataTest {
 protected:
  RunData load() {
    return load_data(config, tokenizer);
  }
  std::string refusal() {
    return failure_of([&] { load(); });
  }
  std::filesystem::path only_cache_file() const {
    for (const auto& entry :
         std::filesystem::directory_iterator(folder / "cache")) {
      return entry.path();
    }
    return {};
  }
};

TEST_F(LoadTest, TrainsAnswersAndTheirEnd) {
  train_on("a.jsonl", alpaca("Q", "A"));
  const RunData data = load();
  ASSERT_EQ(data.train.samples.size(), 1u);
  EXPECT_EQ(
      mark_trained(data.train.samples[0], tokenizer),
      "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n"
      "\u27e6A<|im_end|>\n\u27e7");
  EXPECT_THAT(
      data.train.first_example,
      AllOf(
          HasSubstr("3 of them trained"),
          HasSubstr("\u27e6A<|im_end|>\n\u27e7")));
}

TEST_F(LoadTest, UsesTheRunsSystemMessageWhereARecordHasNone) {
  train_on(
      "a.jsonl",
      "{\"instruction\": \"Q\", \"output\": \"A\", \"system\": \"Own\"}\n" +
          alpaca("Q", "A"));
  config.data.system = "Run";
  const RunData data = load();
  EXPECT_THAT(
      decoded(tokenizer, data.train.samples[0]),
      AllOf(HasSubstr("system\nOwn<"), Not(HasSubstr("Run"))));
  EXPECT_THAT(
      decoded(tokenizer, data.train.samples[1]), HasSubstr("system\nRun<"));
}

TEST_F(LoadTest, TruncatesDropsOrStopsAtLongRecords) {
  train_on(
      "a.jsonl", alpaca("short", "A") + alpaca(std::string(300, 'q'), "A"));
  config.data.max_length = 60;
  RunData data = load();
  EXPECT_EQ(data.train.truncated, 1);
  EXPECT_EQ(data.train.samples[1].tokens.size(), 60u);
  EXPECT_EQ(data.train.samples[1].tokens.back(), '\n');

  config.data.too_long = "drop";
  data = load();
  EXPECT_EQ(data.train.dropped, 1);
  EXPECT_EQ(data.train.samples.size(), 1u);

  config.data.too_long = "stop";
  EXPECT_THAT(
      refusal(),
      AllOf(
          HasSubstr("a.jsonl:2 has 322 tokens"),
          HasSubstr("longer than data.max_length = 60"),
          HasSubstr("raise max_length")));
}

TEST_F(LoadTest, NeverMakesASampleLongerThanTheLimit) {
  std::string text;
  for (int i = 1; i < 80; ++i) {
    text += alpaca(
        std::string(static_cast<size_t>(i * 7 % 90 + 1), 'q'),
        std::string(static_cast<size_t>(i * 13 % 90 + 1), 'a'));
  }
  train_on("a.jsonl", text);
  for (const int64_t limit : {2, 3, 17, 64, 100}) {
    config.data.max_length = limit;
    config.data.bad_record_limit = 1;
    std::vector<Sample> samples;
    try {
      samples = load().train.samples;
    } catch (const Failure& failure) {
      EXPECT_THAT(failure.what(), HasSubstr("no sample to train on"));
    }
    for (const Sample& sample : samples) {
      EXPECT_LE(static_cast<int64_t>(sample.tokens.size()), limit);
      EXPECT_TRUE(std::any_of(
          sample.labels.begin() + 1, sample.labels.end(), [](int32_t label) {
            return label != -100;
          }));
    }
  }
}

TEST_F(LoadTest, CutsTextIntoBlocksWithAnEndAfterEachDocument) {
  config.train.stage = "pt";
  config.data.max_length = 4;
  train_on("a.txt", "abc\n\ndefgh\n");
  const RunData data = load();
  std::vector<std::string> blocks;
  for (const Sample& sample : data.train.samples) {
    blocks.push_back(decoded(tokenizer, sample));
    EXPECT_EQ(sample.tokens, sample.labels);
  }
  EXPECT_EQ(blocks, (std::vector<std::string>{"abc</s>", "defg", "h</s>"}));

  tokenizer.adds_bos = true;
  config.data.packing = false;
  config.data.max_length = 6;
  const RunData apart = load();
  EXPECT_EQ(decoded(tokenizer, apart.train.samples[0]), "<s>abc</s>");
  EXPECT_EQ(decoded(tokenizer, apart.train.samples[1]), "<s>defgh");
  EXPECT_EQ(apart.train.truncated, 1);
}

TEST_F(LoadTest, RefusesTextThatIsNotUtf8) {
  config.train.stage = "pt";
  train_on("a.txt", "fine\n\nbr\xffken\n");
  EXPECT_THAT(refusal(), HasSubstr("a.txt:3: is not UTF-8"));
}

TEST_F(LoadTest, ReadsTextRecordsForPretraining) {
  config.train.stage = "pt";
  train_on("a.jsonl", "{\"text\": \"ab\"}\n{\"text\": \"\"}\n{\"t\": 1}\n");
  EXPECT_THAT(
      refusal(),
      AllOf(
          HasSubstr("a.jsonl:2: \"text\" is empty"),
          HasSubstr("a.jsonl:3: lacks \"text\"; it has the keys t")));
}

TEST_F(LoadTest, HoldsOutThePartThatTheSeedChooses) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += alpaca("Q", "A" + std::to_string(i));
  }
  train_on("a.jsonl", text);
  config.data.eval_fraction = 0.25;
  const auto texts = [&](const TokenizedData& data) {
    std::set<std::string> all;
    for (const Sample& sample : data.samples) {
      all.insert(decoded(tokenizer, sample));
    }
    return all;
  };
  const RunData data = load(), same = load();
  EXPECT_EQ(data.train.samples.size(), 30u);
  EXPECT_EQ(data.eval.samples.size(), 10u);
  EXPECT_EQ(texts(data.eval), texts(same.eval));
  EXPECT_EQ(data.eval.digest, same.eval.digest);
  std::set<std::string> all = texts(data.train);
  all.merge(texts(data.eval));
  EXPECT_EQ(all.size(), 40u);
  config.run.seed = 7;
  const RunData other = load();
  EXPECT_NE(texts(other.eval), texts(data.eval));
  EXPECT_NE(other.eval.digest, data.eval.digest);
}

TEST_F(LoadTest, HoldsOutSamplesOfEverySetWithinItsRange) {
  std::string text;
  for (int i = 0; i < 10; ++i) {
    text += alpaca("Q", "A" + std::to_string(i));
  }
  train_on("a.jsonl", text);
  DataSetConfig second;
  second.path = write("b.jsonl", text);
  second.weight = 2;
  config.data.train.push_back(second);
  config.data.eval_fraction = 0.5;
  const RunData data = load();
  ASSERT_EQ(data.train.sets.size(), 2u);
  EXPECT_EQ(data.train.sets[0].begin, 0);
  EXPECT_EQ(data.train.sets[0].end, data.train.sets[1].begin);
  EXPECT_EQ(data.train.sets[1].end, 10);
  EXPECT_EQ(data.train.sets[1].weight, 2);
}

TEST_F(LoadTest, RefusesToHoldOutOfASingleSample) {
  train_on("a.jsonl", alpaca("Q", "A"));
  config.data.eval_fraction = 0.5;
  EXPECT_THAT(refusal(), HasSubstr("needs at least 2 samples, there is 1"));
}

TEST_F(LoadTest, TellsEveryContradictionOfTheDataSection) {
  config.data.eval_fraction = 0.1;
  config.data.mask_history = config.data.train_on_prompt = true;
  DataSetConfig eval;
  eval.path = write("e.jsonl", alpaca("Q", "A"));
  eval.weight = 2;
  config.data.eval = {eval};
  EXPECT_THAT(
      refusal(),
      AllOf(
          HasSubstr("data.train names no data set"),
          HasSubstr("data.eval and data.eval_fraction are both set"),
          HasSubstr("is read once and whole"),
          HasSubstr("data.mask_history trains the last answer alone")));
}

TEST_F(LoadTest, LimitsRecordsOfASetAndOfTheEvaluation) {
  train_on("a.jsonl", alpaca("Q", "A") + alpaca("Q", "B") + alpaca("Q", "C"));
  config.data.train[0].max_records = 2;
  DataSetConfig eval;
  eval.path = config.data.train[0].path;
  config.data.eval = {eval};
  config.eval.max_records = 1;
  const RunData data = load();
  EXPECT_EQ(data.train.samples.size(), 2u);
  EXPECT_EQ(data.eval.samples.size(), 1u);
}

TEST_F(LoadTest, TakesUnchangedDataFromTheCache) {
  train_on("a.jsonl", alpaca("Q", "A") + alpaca(std::string(600, 'q'), "B"));
  config.data.use_cache = true;
  const RunData first = load(), second = load();
  EXPECT_FALSE(first.train.from_cache);
  EXPECT_TRUE(second.train.from_cache);
  EXPECT_EQ(first.train.digest, second.train.digest);
  EXPECT_EQ(first.train.truncated, second.train.truncated);
  ASSERT_EQ(second.train.samples.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(first.train.samples[i].tokens, second.train.samples[i].tokens);
    EXPECT_EQ(first.train.samples[i].labels, second.train.samples[i].labels);
  }
}

TEST_F(LoadTest, TokenizesAnewWhenAnythingThatDecidesTheTokensChanges) {
  train_on("a.jsonl", alpaca("Q", "A"));
  config.data.use_cache = true;
  const std::vector<std::function<void()>> changes{
      [] {},
      [&] { train_on("a.jsonl", alpaca("Q", "B")); },
      [&] { config.data.max_length = 400; },
      [&] { config.data.chat_template = "smollm2"; },
      [&] { config.data.system = "S"; },
      [&] { config.data.train_on_prompt = true; },
      [&] {
        config.data.train_on_prompt = false;
        config.data.mask_history = true;
      },
      [&] { config.data.too_long = "drop"; },
      [&] { tokenizer.special.push_back("user"); }};
  std::set<std::string> digests;
  for (const auto& change : changes) {
    change();
    const RunData data = load();
    EXPECT_FALSE(data.train.from_cache);
    digests.insert(data.train.digest);
    EXPECT_TRUE(load().train.from_cache);
  }
  EXPECT_EQ(digests.size(), changes.size());
}

TEST_F(LoadTest, KeepsBadRecordsInTheCacheSoThatTheyStopEveryRun) {
  train_on("a.jsonl", alpaca("Q", "A") + "{}\n");
  config.data.use_cache = true;
  const std::string first = refusal();
  EXPECT_FALSE(only_cache_file().empty());
  EXPECT_EQ(refusal(), first);
  EXPECT_THAT(first, HasSubstr("a.jsonl:2: "));
}

TEST_F(LoadTest, IgnoresACacheFileThatIsNotWhole) {
  train_on("a.jsonl", alpaca("Q", "A"));
  config.data.use_cache = true;
  const RunData first = load();
  const std::filesystem::path file = only_cache_file();
  std::string bytes;
  {
    std::ifstream stream(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(stream), {});
  }
  std::vector<std::string> broken{"", bytes.substr(0, bytes.size() / 2)};
  broken.push_back(bytes);
  broken.back()[bytes.size() / 2] ^= 1;
  broken.push_back(bytes + "more");
  for (const std::string& text : broken) {
    std::ofstream(file, std::ios::binary) << text;
    const RunData again = load();
    EXPECT_FALSE(again.train.from_cache);
    EXPECT_EQ(again.train.samples[0].tokens, first.train.samples[0].tokens);
    EXPECT_TRUE(load().train.from_cache);
  }
}

TEST_F(LoadTest, RunsWithoutACacheThatCannotBeWritten) {
  train_on("a.jsonl", alpaca("Q", "A"));
  config.data.use_cache = true;
  config.data.cache = write("file", "in the way") / "cache";
  EXPECT_EQ(load().train.samples.size(), 1u);
}

TEST_F(LoadTest, DoesNotDependOnTheNumberOfThreads) {
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += alpaca("Q" + std::to_string(i), "A");
  }
  train_on("a.jsonl", text);
  config.run.threads = 1;
  const RunData one = load();
  config.run.threads = 7;
  const RunData seven = load();
  ASSERT_EQ(one.train.samples.size(), 500u);
  for (size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(one.train.samples[i].tokens, seven.train.samples[i].tokens);
  }
}

TEST_F(LoadTest, NeedsTheSlotsOfACustomTemplate) {
  train_on("a.jsonl", alpaca("Q", "A"));
  config.data.chat_template = "custom";
  EXPECT_THAT(refusal(), HasSubstr("needs the table [data.custom_template]"));
  config.data.custom_template = TemplateConfig{};
  EXPECT_THAT(
      refusal(),
      AllOf(
          HasSubstr("user must hold {user}"),
          HasSubstr("assistant must hold {assistant}")));
  config.data.custom_template->prefix = "{bos}";
  config.data.custom_template->user = "Q: {user}\nA:";
  config.data.custom_template->assistant = " {assistant}{eos}";
  EXPECT_EQ(
      mark_trained(load().train.samples[0], tokenizer),
      "<s>Q: Q\nA:\u27e6 A</s>\u27e7");
}

TEST_F(LoadTest, ShowsRecordsAcrossSetsWithTheirPlaces) {
  train_on("a.jsonl", alpaca("Q1", "A1") + "{}\n" + alpaca("Q3", "A3"));
  DataSetConfig second;
  second.path = write("b.jsonl", "\n" + alpaca("Q4", "A4"));
  config.data.train.push_back(second);
  const auto shown = show_records(config, tokenizer, 1, 9);
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_EQ(shown[0].line, 2);
  EXPECT_THAT(shown[0].problem, HasSubstr("has no question"));
  EXPECT_TRUE(shown[0].tokens.empty());
  EXPECT_EQ(shown[1].line, 3);
  EXPECT_EQ(shown[1].problem, "");
  EXPECT_EQ(shown[2].file, second.path.string());
  EXPECT_EQ(shown[2].line, 2);
  EXPECT_EQ(shown[2].chat_template, "chatml");
  EXPECT_EQ(
      shown[2].text,
      "<|im_start|>user\nQ4<|im_end|>\n<|im_start|>assistant\nA4<|im_end|>\n");
  EXPECT_EQ(shown[2].tokens, tokenizer.encode(shown[2].text, false));
  EXPECT_THAT(shown[2].marked, HasSubstr("\u27e6A4<|im_end|>\n\u27e7"));
  EXPECT_EQ(show_records(config, tokenizer, 0, 2).size(), 2u);
}

} // namespace octet
