// Finding a template, and what is said when there is none.
#include "core/base/problems.h"
#include "core/text/template.h"
#include "core/text/template_table.h"
#include "core/text/template_writer.h"
#include "tests/core/data/byte_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

std::string automatic_failure(const std::string& jinja) {
  ByteTokenizer tokenizer;
  tokenizer.jinja = jinja;
  return failure_of([&] { automatic_template(tokenizer); });
}

} // namespace

TEST(Template, NamesTheNearestTemplateForATypo) {
  EXPECT_THAT(
      failure_of([] { named_template("lama3", {}); }),
      AllOf(
          HasSubstr("no chat template is named \"lama3\""),
          HasSubstr("did you mean \"llama3\"?"),
          HasSubstr("Known: auto, custom, alpaca")));
}

TEST(Template, FindsEveryNameItLists) {
  for (const std::string& name : template_names()) {
    EXPECT_EQ(named_template(name, {})->name(), name);
  }
}

TEST(Template, AutomaticSaysWhatABaseModelNeeds) {
  EXPECT_THAT(
      automatic_failure(""),
      AllOf(
          HasSubstr("this model has none (is it a base model?)"),
          HasSubstr("alpaca"),
          HasSubstr("[data.custom_template]")));
}

TEST(Template, AutomaticSaysWhichFamilyAnUnknownTextLooksLike) {
  EXPECT_THAT(
      automatic_failure("{{ '<|im_start|>' + role }} changed"),
      AllOf(
          HasSubstr("It looks like \"chatml\""),
          HasSubstr("data.template = \"custom\"")));
  EXPECT_THAT(
      automatic_failure("[INST] <<SYS>>"), HasSubstr("looks like \"llama2\""));
  EXPECT_THAT(
      automatic_failure("<start_of_turn>"), HasSubstr("looks like \"gemma\""));
  EXPECT_THAT(
      automatic_failure("nothing known"),
      HasSubstr("the markers of no family that Octet knows"));
}

TEST(Template, DigestDoesNotDependOnLineEndsOrALastNewline) {
  EXPECT_EQ(jinja_digest("a\r\nb\n"), jinja_digest("a\nb"));
  EXPECT_NE(jinja_digest("a\nb\n\n"), jinja_digest("a\nb"));
  EXPECT_NE(jinja_digest("a b"), jinja_digest("a\nb"));
}

TEST(Template, LeavesPlaceholdersInContentAlone) {
  const auto chat = named_template("alpaca", {"<s>", "</s>"});
  EXPECT_EQ(
      chat->text(
          {{Role::system, "{eos}"},
           {Role::user, "{assistant} {bos}"},
           {Role::assistant, "{user}{eos}"}},
          false),
      "{eos}### Instruction:\n{assistant} {bos}\n\n### Response:\n{user}{eos}"
      "</s>\n\n");
}

TEST(Template, WritesBaseModelConventions) {
  const TemplateTokens tokens{"<s>", "</s>"};
  const std::vector<ChatMessage> chat{
      {Role::user, "Q1"},
      {Role::assistant, "A1"},
      {Role::user, "Q2"},
      {Role::assistant, "A2"}};
  EXPECT_EQ(
      named_template("alpaca", tokens)->text(chat, false),
      "Below is an instruction that describes a task. Write a response that "
      "appropriately completes the request.\n\n"
      "### Instruction:\nQ1\n\n### Response:\nA1</s>\n\n"
      "### Instruction:\nQ2\n\n### Response:\nA2</s>\n\n");
  EXPECT_EQ(
      named_template("vicuna", tokens)->text(chat, false),
      "<s>A chat between a curious user and an artificial intelligence "
      "assistant. The assistant gives helpful, detailed, and polite answers to "
      "the user's questions. USER: Q1 ASSISTANT: A1</s>USER: Q2 ASSISTANT: "
      "A2</s>");
  EXPECT_EQ(
      named_template("plain", tokens)->text(chat, false),
      "Q1\nA1</s>\nQ2\nA2</s>\n");
  EXPECT_EQ(named_template("empty", tokens)->text(chat, false), "Q1A1Q2A2");
}

TEST(Template, RefusesWhatTheFamilyHasNoFormFor) {
  EXPECT_THAT(
      failure_of([] {
        named_template("gemma", {})
            ->render({{Role::system, "S"}, {Role::user, "U"}}, true);
      }),
      HasSubstr("template gemma has no form for a system message"));
  EXPECT_THAT(
      failure_of([] {
        named_template("llama2", {})
            ->render({{Role::user, "U"}, {Role::user, "U"}}, true);
      }),
      HasSubstr("message 2 is from the user"));
  EXPECT_THAT(
      failure_of([] {
        named_template("zephyr", {})
            ->render(
                {{Role::user, "U"}, {Role::assistant, "A"}, {Role::tool, "T"}},
                true);
      }),
      HasSubstr("no form for a message of the role tool"));
}

TEST(Template, StopsNameTheModelsTokens) {
  EXPECT_EQ(
      named_template("phi3", {"<s>", "</s>"})->stop(),
      (std::vector<std::string>{"<|end|>", "</s>"}));
  EXPECT_TRUE(named_template("llama2", {"", ""})->stop().empty());
}

TEST(Template, DigestsOfDifferentTemplatesDiffer) {
  std::vector<std::string> digests;
  for (const std::string& name : template_names()) {
    digests.push_back(named_template(name, {"<s>", "</s>"})->digest());
  }
  digests.push_back(named_template("llama2", {"<b>", "</s>"})->digest());
  std::sort(digests.begin(), digests.end());
  EXPECT_EQ(std::unique(digests.begin(), digests.end()), digests.end());
}

// str.strip() of Python 3.11, over every code point: see the docstring of
// tools/golden/templates.py for how chats with such content were compared.
TEST(Template, TrimsWhatPythonTrims) {
  EXPECT_EQ(trimmed(" \t\n\r\x0b\x0c\x1c\x1f x \n"), "x");
  EXPECT_EQ(trimmed("\u00a0\u2003\u3000\u0085x\u1680\u2028\u2029\u205f"), "x");
  EXPECT_EQ(trimmed("\u200bx\ufeff"), "\u200bx\ufeff");
  EXPECT_EQ(trimmed("\x7fx\x01"), "\x7fx\x01");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed("a \u00e9"), "a \u00e9");
}

} // namespace octet
