// Damaged and unsupported tokenizer files, and texts that are not UTF-8: every
// one is refused with a message that names the file and the part.
#include "core/base/problems.h"
#include "core/text/regex.h"
#include "core/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

namespace octet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class TokenizerFile : public testing::Test {
 protected:
  TokenizerFile()
      : folder_(
            fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    file_ = {
        {"version", "1.0"},
        {"added_tokens", json::array()},
        {"normalizer", nullptr},
        {"pre_tokenizer", nullptr},
        {"post_processor", nullptr},
        {"decoder", {{"type", "Fuse"}}},
        {"model",
         {{"type", "BPE"},
          {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}},
          {"merges", {"a b"}}}}};
  }
  ~TokenizerFile() override {
    fs::remove_all(folder_);
  }

  void write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  std::shared_ptr<const Tokenizer> load() {
    write("tokenizer.json", file_.dump());
    return load_tokenizer(folder_);
  }
  /// What loading the file says.
  std::string message() {
    try {
      load();
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::input);
      return failure.what();
    }
    return "";
  }
  void add_token(int id, const std::string& content) {
    file_["added_tokens"].push_back({{"id", id}, {"content", content}});
  }

  fs::path folder_;
  json file_;
};

TEST_F(TokenizerFile, ThatIsSoundLoads) {
  EXPECT_EQ(load()->encode("abba", false), (std::vector<int32_t>{2, 1, 0}));
}

TEST_F(TokenizerFile, ThatIsMissingIsNamed) {
  EXPECT_THAT(
      [&] { load_tokenizer(folder_); },
      testing::ThrowsMessage<Failure>(AllOf(
          HasSubstr("expected tokenizer.json"), HasSubstr("found none"))));
  write("tokenizer.model", "x");
  EXPECT_THAT(
      [&] { load_tokenizer(folder_); },
      testing::ThrowsMessage<Failure>(HasSubstr("tokenizer.model")));
}

TEST_F(TokenizerFile, OfAFolderThatIsMissingIsNamed) {
  EXPECT_THAT(
      [&] { load_tokenizer(folder_ / "none"); },
      testing::ThrowsMessage<Failure>(HasSubstr("found nothing")));
}

TEST_F(TokenizerFile, ThatIsNotJsonIsRefused) {
  write("tokenizer.json", "{\"model\": {");
  EXPECT_THAT(
      [&] { load_tokenizer(folder_); },
      testing::ThrowsMessage<Failure>(
          AllOf(HasSubstr("tokenizer.json"), HasSubstr("expected JSON"))));
}

TEST_F(TokenizerFile, WithoutAModelIsRefused) {
  file_.erase("model");
  EXPECT_THAT(message(), HasSubstr("expected the key \"model\""));
}

TEST_F(TokenizerFile, OfAnotherModelIsRefusedByName) {
  file_["model"]["type"] = "Unigram";
  EXPECT_THAT(message(), HasSubstr("\"Unigram\""));
}

TEST_F(TokenizerFile, WithDropoutIsRefused) {
  file_["model"]["dropout"] = 0.1;
  EXPECT_THAT(message(), HasSubstr("dropout (0.1)"));
  file_["model"]["dropout"] = 0.0;
  EXPECT_EQ(message(), "");
}

TEST_F(TokenizerFile, NamesEveryMergeOfUnknownTokens) {
  file_["model"]["merges"] = {"a b", "a c", "b a"};
  EXPECT_THAT(
      message(),
      AllOf(
          HasSubstr("merge 1 (\"a\" \"c\") names \"c\""),
          HasSubstr("merge 2 (\"b\" \"a\") names \"ba\"")));
}

TEST_F(TokenizerFile, WithAMergeThatIsNotAPairIsRefused) {
  file_["model"]["merges"] = {"a b c"};
  EXPECT_THAT(message(), HasSubstr("\"a b c\""));
  file_["model"]["merges"] = json::array({json::array({"a"})});
  EXPECT_THAT(message(), HasSubstr("[\"a\"]"));
}

TEST_F(TokenizerFile, TakesMergesAsPairs) {
  file_["model"]["merges"] = json::array({json::array({"a", "b"})});
  EXPECT_EQ(load()->encode("ab", false), (std::vector<int32_t>{2}));
}

TEST_F(TokenizerFile, WithOneIdForTwoTokensIsRefused) {
  file_["model"]["vocab"]["b"] = 0;
  EXPECT_THAT(message(), HasSubstr("id 0 stands for two tokens"));
}

TEST_F(TokenizerFile, WithANegativeOrHugeIdIsRefused) {
  file_["model"]["vocab"]["b"] = -1;
  EXPECT_THAT(message(), HasSubstr("for \"b\", got -1"));
  file_["model"]["vocab"]["b"] = 1LL << 40;
  EXPECT_THAT(message(), HasSubstr("for \"b\""));
}

TEST_F(TokenizerFile, MayLeaveIdsUnused) {
  file_["model"]["vocab"]["ab"] = 7;
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer->encode("ab", false), (std::vector<int32_t>{7}));
  EXPECT_EQ(tokenizer->vocab_size(), 8);
  EXPECT_EQ(tokenizer->decode({5, 7, -100, 99}, false), "ab");
}

TEST_F(TokenizerFile, WithAddedTokensThatTokenizersWouldRenumberIsRefused) {
  add_token(7, "<x>");
  EXPECT_THAT(
      message(), HasSubstr("added token \"<x>\" has the id 7, expected 3"));
  file_["added_tokens"] = json::array();
  add_token(1, "ab");
  EXPECT_THAT(
      message(), HasSubstr("added token \"ab\" has the id 1, expected 2"));
}

TEST_F(TokenizerFile, WithAnUnknownUnkTokenIsRefused) {
  file_["model"]["unk_token"] = "<unk>";
  EXPECT_THAT(message(), HasSubstr("unk_token \"<unk>\""));
}

TEST_F(TokenizerFile, WithAnUnsupportedPartNamesItAndTheKnownOnes) {
  file_["pre_tokenizer"] = {
      {"type", "Sequence"}, {"pretokenizers", {{{"type", "UnicodeScript"}}}}};
  EXPECT_THAT(
      message(),
      AllOf(
          HasSubstr("tokenizer.json, pre_tokenizer.pretokenizers[0]"),
          HasSubstr("\"UnicodeScript\""),
          HasSubstr("ByteLevel")));
  file_["pre_tokenizer"] = nullptr;
  file_["normalizer"] = {{"type", "Precompiled"}};
  EXPECT_THAT(message(), HasSubstr("normalizer: type \"Precompiled\""));
  file_["normalizer"] = {{"type", "NFCC"}};
  EXPECT_THAT(message(), HasSubstr("did you mean \"NFC\"?"));
  file_["normalizer"] = nullptr;
  file_["decoder"] = {{"type", "CTC"}};
  EXPECT_THAT(message(), HasSubstr("decoder: type \"CTC\""));
  file_["decoder"] = nullptr;
  file_["post_processor"] = {{"type", "Template"}};
  EXPECT_THAT(message(), HasSubstr("post_processor: type \"Template\""));
}

TEST_F(TokenizerFile, WithAWrongTypeOfValueNamesTheKey) {
  file_["normalizer"] = {{"type", "Prepend"}, {"prepend", 3}};
  EXPECT_THAT(
      message(), HasSubstr("normalizer.prepend: expected a text, got number"));
  file_["normalizer"] = nullptr;
  file_["model"]["fuse_unk"] = "yes";
  EXPECT_THAT(message(), HasSubstr("model.fuse_unk: expected true or false"));
  file_["model"] = json::array();
  EXPECT_THAT(message(), HasSubstr("model: expected an object, got array"));
}

TEST_F(TokenizerFile, WithAPatternThatCannotRunNamesTheConstruct) {
  const auto split = [&](const std::string& regex) {
    file_["pre_tokenizer"] = {
        {"type", "Split"},
        {"pattern", {{"Regex", regex}}},
        {"behavior", "Isolated"}};
    return message();
  };
  EXPECT_THAT(split("[a&&b]"), HasSubstr("intersection of classes"));
  EXPECT_THAT(split("(a"), HasSubstr("expected a pattern that compiles"));
  EXPECT_THAT(split("[a"), HasSubstr("a [ without ]"));
  EXPECT_THAT(split("a)"), HasSubstr("a ) without ("));
  EXPECT_THAT(split("\\k<x>"), HasSubstr("\\k is not supported"));
  EXPECT_THAT(split("\\p{Nonsense}"), HasSubstr("\\p{Nonsense}"));
  file_["pre_tokenizer"]["behavior"] = "Sideways";
  file_["pre_tokenizer"]["pattern"] = {{"String", "x"}};
  EXPECT_THAT(message(), HasSubstr("\"Sideways\" is not a behavior"));
}

TEST_F(TokenizerFile, WithASpecialTokenThatIsNotThereIsRefused) {
  write("tokenizer_config.json", R"({"eos_token": "</s>"})");
  EXPECT_THAT(message(), HasSubstr("eos_token \"</s>\""));
}

TEST_F(TokenizerFile, WithADamagedConfigIsRefused) {
  write("tokenizer_config.json", "{");
  EXPECT_THAT(message(), HasSubstr("tokenizer_config.json: expected JSON"));
}

TEST_F(TokenizerFile, TakesSpecialTokensAndTemplateFromTheConfig) {
  add_token(3, "</s>");
  write(
      "tokenizer_config.json",
      R"({"eos_token": {"content": "</s>"}, "bos_token": "a",
          "chat_template": [{"name": "tool_use", "template": "no"},
                            {"name": "default", "template": "yes"}]})");
  write("config.json", R"({"pad_token_id": 1, "eos_token_id": [0, 1]})");
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer->eos(), 3);
  EXPECT_EQ(tokenizer->bos(), 0);
  EXPECT_EQ(tokenizer->pad(), 1);
  EXPECT_EQ(tokenizer->chat_template(), "yes");
  write("chat_template.jinja", "file");
  EXPECT_EQ(load()->chat_template(), "file");
}

TEST_F(TokenizerFile, ChangesItsDigestWithItsIds) {
  const std::string before = load()->digest();
  EXPECT_EQ(before.size(), 64U);
  EXPECT_EQ(load()->digest(), before);
  file_["model"]["merges"] = json::array();
  EXPECT_NE(load()->digest(), before);
}

TEST_F(TokenizerFile, IsNotAskedAboutTextThatIsNotUtf8) {
  const auto tokenizer = load();
  for (const std::string text :
       {"a\xFF", "a\xC3", "a\xED\xA0\x80", "a\xC0\xAF", "a\xF4\x90\x80\x80"}) {
    EXPECT_THAT(
        [&] { tokenizer->encode(text, false); },
        testing::ThrowsMessage<Failure>(
            AllOf(HasSubstr("expected UTF-8"), HasSubstr("at offset 1"))));
  }
}

TEST_F(TokenizerFile, SurvivesAMillionCharactersOfOneKind) {
  file_["pre_tokenizer"] = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  const auto tokenizer = load();
  const size_t n = 1'000'000;
  EXPECT_EQ(tokenizer->encode(std::string(n, 'a'), false).size(), n);
  EXPECT_EQ(tokenizer->encode(std::string(n, ' '), false).size(), 0U);
  std::string pairs;
  for (size_t i = 0; i < n; i += 2) {
    pairs += "ab";
  }
  EXPECT_EQ(tokenizer->encode(pairs, false).size(), n / 2);
}

} // namespace
} // namespace octet
