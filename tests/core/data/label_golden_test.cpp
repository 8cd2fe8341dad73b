// Tokens and labels against tools/golden/labels.py, which takes them from
// transformers' ids and character offsets and LLaMA-Factory's cutting rules.
#include "core/data/encode.h"
#include "core/text/template.h"
#include "core/text/tokenizer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>

namespace octet {
namespace {

using nlohmann::json;

const std::string kFolder = OCTET_SOURCE_DIR "/tests/fixtures/data/";

const json& goldens() {
  static const json all = json::parse(std::ifstream(kFolder + "labels.json"));
  return all;
}

std::vector<ChatMessage> messages_of(const json& chat) {
  std::vector<ChatMessage> messages;
  for (const json& message : chat) {
    const std::string role = message.at("role");
    messages.push_back(
        {role == "user"         ? Role::user
             : role == "system" ? Role::system
                                : Role::assistant,
         message.at("content")});
  }
  return messages;
}

} // namespace

TEST(LabelGolden, TokensAndLabelsFollowTheRules) {
  std::map<std::string, std::shared_ptr<const Tokenizer>> tokenizers;
  size_t cut = 0, crossed = 0;
  for (const json& entry : goldens().at("cases")) {
    const std::string name = entry.at("tokenizer");
    if (tokenizers.count(name) == 0) {
      tokenizers[name] = load_tokenizer(kFolder + name);
    }
    const Tokenizer& tokenizer = *tokenizers[name];
    const auto chat_template = automatic_template(tokenizer);
    EXPECT_EQ(chat_template->name(), entry.at("template"));

    EncodeOptions options;
    options.max_length = entry.at("max_length");
    options.train_on_prompt = entry.at("train_on_prompt");
    options.mask_history = entry.at("mask_history");
    const EncodedRecord encoded = encode_chat(
        messages_of(goldens().at("chats").at(entry.at("chat").get<size_t>())),
        *chat_template,
        tokenizer,
        options);
    std::vector<int> trained;
    for (size_t i = 0; i < encoded.sample.tokens.size(); ++i) {
      const int32_t label = encoded.sample.labels[i];
      trained.push_back(label == -100 ? 0 : 1);
      if (label != -100) {
        EXPECT_EQ(label, encoded.sample.tokens[i]);
      }
    }
    const json where = {
        name,
        entry.at("chat"),
        entry.at("max_length"),
        entry.at("train_on_prompt"),
        entry.at("mask_history")};
    const std::vector<int> wanted = entry.at("trained");
    if (std::count(wanted.begin() + 1, wanted.end(), 1) == 0) {
      EXPECT_TRUE(encoded.sample.tokens.empty()) << where;
      continue;
    }
    EXPECT_EQ(
        encoded.sample.tokens, entry.at("tokens").get<std::vector<int32_t>>())
        << where;
    EXPECT_EQ(trained, wanted) << where;
    cut += encoded.truncated ? 1 : 0;
    crossed += encoded.crossed ? 1 : 0;
  }
  EXPECT_GT(cut, 50u);
  EXPECT_GT(crossed, 0u);
}

TEST(LabelGolden, TurnsShareTheirRoomAsInLlamaFactory) {
  for (const json& entry : goldens().at("turn_lengths")) {
    const TurnLengths kept =
        fit_turn(entry.at("source"), entry.at("target"), entry.at("room"));
    EXPECT_EQ(kept.source, entry.at("kept").at(0)) << entry;
    EXPECT_EQ(kept.target, entry.at("kept").at(1)) << entry;
  }
}

} // namespace octet
