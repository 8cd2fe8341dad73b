// trainer data and trainer tokenize, with a tokenizer of nine tokens whose ids
// can be worked out by hand.
#include "tests/integration/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace octet {
namespace {

using ::testing::HasSubstr;

class CliData : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_.path() / "model");
    folder_.write("model/tokenizer.json", R"json({
      "version": "1.0", "truncation": null, "padding": null,
      "added_tokens": [{"id": 0, "content": "<e>", "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false,
        "special": true}],
      "normalizer": null,
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
        "trim_offsets": true, "use_regex": true},
      "post_processor": null,
      "decoder": {"type": "ByteLevel", "add_prefix_space": true,
        "trim_offsets": true, "use_regex": true},
      "model": {"type": "BPE", "dropout": null, "unk_token": null,
        "continuing_subword_prefix": null, "end_of_word_suffix": null,
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": {"<e>": 0, "a": 1, "b": 2, "ab": 3, "U": 4, ":": 5, "A": 6,
          "Ċ": 7, "é": 8},
        "merges": ["a b"]}})json");
    folder_.write("model/tokenizer_config.json", R"({"eos_token": "<e>"})");
    folder_.write(
        "data.jsonl",
        "{\"instruction\": \"ab\", \"output\": \"ba\"}\n"
        "{\"instruction\": \"b\"}\n"
        "{\"instruction\": \"a\", \"output\": \"ab\"}\n");
    folder_.write(
        "run.toml",
        "[model]\npath = \"model\"\n"
        "[data]\ntrain = [{ path = \"data.jsonl\", format = \"alpaca\" }]\n"
        "template = \"custom\"\n"
        "[data.custom_template]\nsystem = \"{system}\"\n"
        "user = \"U:{user}A:\"\nassistant = \"{assistant}<e>\"\n");
  }

  ProcessResult run(const std::vector<std::string>& arguments) const {
    return run_trainer(arguments, folder_.path());
  }

  TemporaryFolder folder_;
};

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    values.push_back(nlohmann::json::parse(line));
  }
  return values;
}

TEST_F(CliData, RecordsHaveTextTokensAndLabels) {
  const ProcessResult result =
      run({"data", "--config", "run.toml", "--show", "1", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto records = json_lines(result.out);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].at("file"), "data.jsonl");
  EXPECT_EQ(records[0].at("line"), 1);
  EXPECT_EQ(records[0].at("template"), "custom");
  EXPECT_EQ(records[0].at("text"), "U:abA:ba<e>");
  EXPECT_EQ(records[0].at("tokens"), nlohmann::json({4, 5, 3, 6, 5, 2, 1, 0}));
  EXPECT_EQ(
      records[0].at("labels"),
      nlohmann::json({-100, -100, -100, -100, -100, 2, 1, 0}));
}

TEST_F(CliData, RecordWithoutAnAnswerIsShownWithItsLine) {
  const ProcessResult result = run(
      {"data", "--config", "run.toml", "--from", "1", "--show", "2", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto records = json_lines(result.out);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].at("line"), 2);
  EXPECT_THAT(records[0].at("problem").get<std::string>(), HasSubstr("output"));
  EXPECT_EQ(records[0].at("tokens"), nlohmann::json::array());
  EXPECT_EQ(records[1].at("problem"), "");
  EXPECT_EQ(records[1].at("text"), "U:aA:ab<e>");
}

TEST_F(CliData, TextShowsTheTrainedPartInBrackets) {
  const ProcessResult result = run({"data", "--config", "run.toml"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(
      result.out,
      "data.jsonl:1  template custom  8 tokens, 3 trained\n"
      "U:abA:\xE2\x9F\xA6"
      "ba<e>\xE2\x9F\xA7\n"
      "tokens 4 5 3 6 5 2 1 0\n"
      "labels -100 -100 -100 -100 -100 2 1 0\n");
}

TEST_F(CliData, UnknownTemplateNamesTheKnownOnes) {
  const ProcessResult result = run(
      {"data",
       "--config",
       "run.toml",
       "--set",
       "data.template=chatmll",
       "--set",
       "data.custom_template=x"});
  EXPECT_EQ(result.status, 2);
  folder_.write(
      "named.toml",
      "[model]\npath = \"model\"\n[data]\ntrain = [\"data.jsonl\"]\n"
      "template = \"chatmll\"\n");
  const ProcessResult named = run({"data", "--config", "named.toml"});
  EXPECT_EQ(named.status, 2);
  EXPECT_THAT(named.err, HasSubstr("chatmll"));
  EXPECT_THAT(named.err, HasSubstr("chatml"));
}

TEST_F(CliData, TokenizeGivesIdsTokensAndTheTextAgain) {
  folder_.write("texts.jsonl", "\"abba\"\n\n\"a\\n<e>\\u00e9\"\n");
  const ProcessResult result =
      run({"tokenize", "--model", "model", "--file", "texts.jsonl", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto texts = json_lines(result.out);
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0].at("ids"), nlohmann::json({3, 2, 1}));
  EXPECT_EQ(texts[0].at("tokens"), nlohmann::json({"ab", "b", "a"}));
  EXPECT_EQ(texts[0].at("decoded"), "abba");
}

TEST_F(CliData, TokenizePrintsATokenALine) {
  const ProcessResult result =
      run({"tokenize", "--model", "model", "--text", "ab<e>"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "3\tab\n0\t<e>\n");
}

TEST_F(CliData, TokenizeNamesTheLineThatIsNoString) {
  folder_.write("texts.jsonl", "\"a\"\n{\"text\": \"b\"}\n");
  const ProcessResult result =
      run({"tokenize", "--model", "model", "--file", "texts.jsonl"});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(
      result.err,
      "[tokenize] texts.jsonl:2: expected a JSON string such as \"some text\", "
      "found object\n");
  folder_.write("texts.jsonl", "plain text\n");
  EXPECT_EQ(
      run({"tokenize", "--model", "model", "--file", "texts.jsonl"}).err,
      "[tokenize] texts.jsonl:1: expected a JSON string such as \"some text\", "
      "found no JSON\n");
}

TEST_F(CliData, TokenizeNeedsOneTextOrFile) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"tokenize", "--model", "model"},
           {"tokenize", "--model", "model", "--text", "a", "--file", "b"}}) {
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(
        result.err,
        "[trainer] expected one of --text and --file; see `trainer tokenize "
        "--help`\n");
  }
}

TEST_F(CliData, ModelWithoutATokenizerIsAnInputError) {
  std::filesystem::create_directory(folder_.path() / "empty");
  const ProcessResult result =
      run({"tokenize", "--model", "empty", "--text", "a"});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.err, HasSubstr("tokenizer.json"));
}

} // namespace
} // namespace octet
