// llama.cpp's tokenizer vectors. The vocabularies are cut down to the tokens
// that their texts can use, so that results equal those of the whole ones;
// tools/golden/tokenizer_fixtures.py cuts them.
#include "core/text/tokenizer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace octet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path fixtures() {
  return fs::path(OCTET_SOURCE_DIR) / "tests/fixtures/tokenizers";
}

const json& vectors() {
  static const json made = [] {
    std::ifstream stream(fixtures() / "llama_cpp_vectors.json");
    return json::parse(stream);
  }();
  return made;
}

class LlamaCppVectors : public testing::TestWithParam<std::string> {};

TEST_P(LlamaCppVectors, AreReproduced) {
  const auto tokenizer = load_tokenizer(fixtures() / (GetParam() + ".gguf"));
  const json& expected = vectors()[GetParam()];
  ASSERT_GE(expected.size(), 40U);
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto text = vectors()["texts"][i].get<std::string>();
    EXPECT_EQ(
        tokenizer->encode(text, false), expected[i].get<std::vector<int32_t>>())
        << vectors()["texts"][i];
  }
}

TEST_P(LlamaCppVectors, DecodeToTheirTexts) {
  const auto tokenizer = load_tokenizer(fixtures() / (GetParam() + ".gguf"));
  for (const json& item : vectors()["texts"]) {
    const auto text = item.get<std::string>();
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, false), true), text);
  }
}

TEST_P(LlamaCppVectors, HoldForTheJsonWrittenFromTheGgufFile) {
  const auto tokenizer = load_tokenizer(fixtures() / (GetParam() + ".gguf"));
  const fs::path folder =
      fs::path(testing::TempDir()) / ("octet_" + GetParam());
  fs::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << tokenizer->tokenizer_json();
  std::ofstream(folder / "tokenizer_config.json")
      << tokenizer->tokenizer_config_json();
  const auto again = load_tokenizer(folder);
  for (const json& item : vectors()["texts"]) {
    const auto text = item.get<std::string>();
    EXPECT_EQ(again->encode(text, true), tokenizer->encode(text, true)) << item;
  }
  EXPECT_EQ(again->bos(), tokenizer->bos());
  EXPECT_EQ(again->eos(), tokenizer->eos());
  fs::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(
    Tokenizer,
    LlamaCppVectors,
    testing::Values(
        "gpt-2",
        "llama-bpe",
        "qwen2",
        "deepseek-llm",
        "deepseek-coder",
        "falcon",
        "starcoder",
        "command-r",
        "refact",
        "mpt",
        "llama-spm",
        "phi-3"),
    [](const auto& info) {
      std::string name = info.param;
      for (char& c : name) {
        c = c == '-' ? '_' : c;
      }
      return name;
    });

TEST(Tokenizer, OfAGgufFileAddsBosWhenTheModelWantsIt) {
  const auto llama = load_tokenizer(fixtures() / "llama-spm.gguf");
  const auto plain = llama->encode("Hello", false);
  auto with_bos = plain;
  with_bos.insert(with_bos.begin(), *llama->bos());
  EXPECT_EQ(llama->encode("Hello", true), with_bos);
  const auto qwen = load_tokenizer(fixtures() / "qwen2.gguf");
  EXPECT_EQ(qwen->encode("Hello", true), qwen->encode("Hello", false));
}

TEST(Tokenizer, OfAGgufFileRecognizesControlTokensInText) {
  const auto llama = load_tokenizer(fixtures() / "llama-spm.gguf");
  const auto ids = llama->encode("a</s>b", false);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), *llama->eos()), 1);
  EXPECT_TRUE(llama->is_special(*llama->eos()));
  EXPECT_EQ(llama->decode({*llama->eos()}, true), "");
  EXPECT_EQ(llama->decode({*llama->eos()}, false), "</s>");
}

} // namespace
} // namespace octet
