// Small tokenizers of every configuration against Hugging Face tokenizers, and
// SmolLM2's own against the same. The fixtures hold digests of what tokenizers
// 0.23.3 gives for 2,200 texts; tools/golden/tokenizer_fixtures.py makes them.
#include "core/text/tokenizer.h"
#include "core/text/tokenizer_files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace octet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path fixtures() {
  return fs::path(OCTET_SOURCE_DIR) / "tests/fixtures/tokenizers";
}

json read(const fs::path& path) {
  std::ifstream stream(path);
  EXPECT_TRUE(stream) << path;
  return json::parse(stream);
}

/// What the fixture digests: ids, then both decoded texts.
std::string
digest(const Tokenizer& tokenizer, const std::string& text, bool add) {
  const std::vector<int32_t> ids = tokenizer.encode(text, add);
  std::string all;
  for (const int32_t id : ids) {
    all += (all.empty() ? "" : ",") + std::to_string(id);
  }
  all += "\x1f" + tokenizer.decode(ids, true);
  all += "\x1f" + tokenizer.decode(ids, false);
  return text::digest_of(all, {}).substr(0, 8);
}

/// @returns the number of texts compared
size_t expect_goldens(const Tokenizer& tokenizer, const std::string& name) {
  const json golden = read(fixtures() / (name + ".golden.json"));
  json texts = read(fixtures() / "texts.json");
  for (const json& text : golden["extra_texts"]) {
    texts.push_back(text);
  }
  const auto expected = golden["digests"].get<std::string>();
  EXPECT_EQ(expected.size(), texts.size() * 8);
  size_t wrong = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto text = texts[i].get<std::string>();
    if (digest(tokenizer, text, i % 2 == 0) != expected.substr(i * 8, 8)) {
      EXPECT_GT(++wrong, 3U)
          << name << ": text " << i << ": " << texts[i] << "\nids "
          << json(tokenizer.encode(text, i % 2 == 0));
    }
  }
  EXPECT_EQ(wrong, 0U) << name;
  return texts.size();
}

std::vector<std::string> configurations() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fixtures())) {
    if (entry.is_directory()) {
      names.push_back(entry.path().filename().string());
    }
  }
  return names;
}

class TokenizerConfiguration : public testing::TestWithParam<std::string> {};

TEST_P(TokenizerConfiguration, GivesTheIdsAndTextsOfTokenizers) {
  const auto tokenizer = load_tokenizer(fixtures() / GetParam());
  EXPECT_GE(expect_goldens(*tokenizer, GetParam()), 2000U);
}

TEST_P(TokenizerConfiguration, WritesTheFileItWasReadFrom) {
  const auto tokenizer = load_tokenizer(fixtures() / GetParam());
  std::ifstream stream(fixtures() / GetParam() / "tokenizer.json");
  const std::string own(std::istreambuf_iterator<char>(stream), {});
  EXPECT_EQ(tokenizer->tokenizer_json(), own);
}

INSTANTIATE_TEST_SUITE_P(
    Tokenizer,
    TokenizerConfiguration,
    testing::ValuesIn(configurations()),
    [](const auto& info) { return info.param; });

fs::path smollm2() {
  const char* home = std::getenv("HOME");
  return fs::path(home ? home : "") /
      ".cache/octet/models/smollm2-135m-instruct/"
      "SmolLM2-135M-Instruct.Q4_1.gguf";
}

TEST(Tokenizer, OfSmolLm2GivesTheIdsAndTextsOfTokenizers) {
  if (!fs::exists(smollm2())) {
    GTEST_SKIP() << smollm2() << " is not there; tools/setup fetches it";
  }
  EXPECT_GE(expect_goldens(*load_tokenizer(smollm2()), "smollm2"), 2000U);
}

TEST(Tokenizer, OfAGgufFileReadsBackFromTheJsonItWrites) {
  if (!fs::exists(smollm2())) {
    GTEST_SKIP() << smollm2() << " is not there; tools/setup fetches it";
  }
  const auto tokenizer = load_tokenizer(smollm2());
  const fs::path folder = fs::path(testing::TempDir()) / "octet_smollm2";
  fs::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << tokenizer->tokenizer_json();
  std::ofstream(folder / "tokenizer_config.json")
      << tokenizer->tokenizer_config_json();
  const auto again = load_tokenizer(folder);
  expect_goldens(*again, "smollm2");
  EXPECT_EQ(again->bos(), 1);
  EXPECT_EQ(again->eos(), 2);
  EXPECT_EQ(again->pad(), 2);
  EXPECT_EQ(again->chat_template(), tokenizer->chat_template());
  EXPECT_EQ(again->digest(), tokenizer->digest());
  EXPECT_NE(tokenizer->chat_template().find("<|im_start|>"), std::string::npos);
  fs::remove_all(folder);
}

TEST(Tokenizer, GivesTheSameIdsFromManyThreads) {
  const auto tokenizer = load_tokenizer(fixtures() / "llama3");
  const auto other = load_tokenizer(fixtures() / "byte_level");
  const json texts = read(fixtures() / "texts.json");
  const auto all = [&](const Tokenizer& one) {
    std::vector<std::vector<int32_t>> out;
    for (const json& text : texts) {
      out.push_back(one.encode(text.get<std::string>(), false));
    }
    return out;
  };
  const auto expected = all(*tokenizer);
  const auto expected_other = all(*other);
  std::vector<std::thread> threads;
  std::vector<int> same(4, 0);
  for (size_t t = 0; t < same.size(); ++t) {
    threads.emplace_back([&, t] {
      same[t] = all(*tokenizer) == expected && all(*other) == expected_other;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(same, std::vector<int>(4, 1));
}

} // namespace
} // namespace octet
