// Every named template against what transformers' apply_chat_template wrote for
// the models' own Jinja texts (tools/golden/templates.py).
#include "core/base/problems.h"
#include "core/text/template.h"
#include "core/text/template_table.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <set>

namespace octet {
namespace {

using nlohmann::json;

const json& goldens() {
  static const json all = json::parse(std::ifstream(
      OCTET_SOURCE_DIR "/tests/fixtures/templates/rendered.json"));
  return all;
}

std::vector<ChatMessage> messages_of(const json& chat) {
  const std::map<std::string, Role> roles{
      {"system", Role::system},
      {"user", Role::user},
      {"assistant", Role::assistant},
      {"tool", Role::tool}};
  std::vector<ChatMessage> messages;
  for (const json& message : chat) {
    messages.push_back({roles.at(message.at("role")), message.at("content")});
  }
  return messages;
}

std::optional<std::string>
text_of(const ChatTemplate& chat_template, const json& chat, bool open) {
  try {
    return chat_template.text(messages_of(chat), open);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.component(), "template");
    return std::nullopt;
  }
}

std::optional<std::string> wanted(const json& text) {
  return text.is_null() ? std::nullopt
                        : std::optional<std::string>(text.get<std::string>());
}

} // namespace

TEST(TemplateGolden, EveryTemplateRendersAsApplyChatTemplate) {
  const TemplateTokens tokens{goldens().at("bos"), goldens().at("eos")};
  size_t compared = 0;
  for (const json& family : goldens().at("templates")) {
    const auto chat_template = named_template(family.at("name"), tokens);
    for (size_t i = 0; i < goldens().at("chats").size(); ++i) {
      const json& chat = goldens().at("chats").at(i);
      const json& expected = family.at("cases").at(i);
      const std::string where =
          family.at("name").get<std::string>() + ": " + chat.dump();
      if (expected.contains("octet_refuses")) {
        EXPECT_EQ(text_of(*chat_template, chat, false), std::nullopt) << where;
        continue;
      }
      EXPECT_EQ(
          text_of(*chat_template, chat, false), wanted(expected.at("closed")))
          << where;
      EXPECT_EQ(
          text_of(*chat_template, chat, true), wanted(expected.at("open")))
          << where;
      compared += 2;
    }
  }
  EXPECT_GT(compared, 600u);
}

TEST(TemplateGolden, EveryClaimedDigestWasCompared) {
  std::map<std::string, std::string> compared;
  for (const json& family : goldens().at("templates")) {
    for (const json& known : family.at("jinja")) {
      compared[known.at("sha256")] = family.at("name");
    }
  }
  std::map<std::string, std::string> claimed;
  for (const KnownJinja& known : known_jinja()) {
    claimed[std::string(known.digest)] = known.name;
  }
  EXPECT_EQ(claimed, compared);
  EXPECT_GT(claimed.size(), 25u);
}

// Where an answer is the last message, its source part must be what asks the
// model for an answer; otherwise training and generation split differently.
TEST(TemplateGolden, TrainedPartFollowsWhatAsksForAnAnswer) {
  const TemplateTokens tokens{"<s>", "</s>"};
  const ChatMessage question{Role::user, "Why?"};
  const ChatMessage answer{Role::assistant, "Because."};
  for (const std::string& name : template_names()) {
    const auto chat_template = named_template(name, tokens);
    const auto segments = chat_template->render({question, answer}, false);
    ASSERT_GE(segments.size(), 2u) << name;
    EXPECT_FALSE(segments[0].target) << name;
    EXPECT_TRUE(segments[1].target) << name;
    EXPECT_EQ(segments[0].text, chat_template->text({question}, true)) << name;
    EXPECT_NE(segments[1].text.find("Because."), std::string::npos) << name;
  }
}

} // namespace octet
