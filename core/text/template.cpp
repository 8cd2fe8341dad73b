// Finding templates: by name, by the digest of a model's Jinja text.
#include "core/text/template.h"

#include "core/base/problems.h"
#include "core/base/sha256.h"
#include "core/text/template_table.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace octet {
namespace {

constexpr std::string_view kHowToDefine =
    "To define one, set data.template = \"custom\" and write its slots in "
    "[data.custom_template] (docs/templates.md).";

const TemplateSlots* find_slots(std::string_view name) {
  for (const TemplateSlots& slots : template_table()) {
    if (slots.name == name) {
      return &slots;
    }
  }
  return nullptr;
}

const KnownJinja* find_known(std::string_view jinja) {
  const std::string digest = jinja_digest(jinja);
  for (const KnownJinja& known : known_jinja()) {
    if (known.digest == digest) {
      return &known;
    }
  }
  return nullptr;
}

} // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  return "unknown";
}

std::string ChatTemplate::text(
    const std::vector<ChatMessage>& messages,
    bool open_answer) const {
  std::string joined;
  for (const ChatSegment& segment : render(messages, open_answer)) {
    joined += segment.text;
  }
  return joined;
}

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  for (const TemplateSlots& slots : template_table()) {
    names.push_back(slots.name);
  }
  return names;
}

std::shared_ptr<const ChatTemplate> named_template(
    const std::string& name,
    const TemplateTokens& tokens) {
  const TemplateSlots* slots = find_slots(name);
  if (slots == nullptr) {
    const std::vector<std::string> names = template_names();
    const std::string nearest = nearest_name(name, names);
    std::string text = "no chat template is named \"" + name + "\"";
    if (!nearest.empty()) {
      text += "; did you mean \"" + nearest + "\"?";
    }
    text += " Known: auto, custom, " + join_names(names);
    throw Failure(ExitCode::usage, "template", text);
  }
  return make_template(*slots, tokens);
}

std::string jinja_digest(std::string_view jinja) {
  std::string text;
  text.reserve(jinja.size());
  for (size_t i = 0; i < jinja.size(); ++i) {
    if (jinja[i] == '\r') {
      if (i + 1 < jinja.size() && jinja[i + 1] == '\n') {
        continue;
      }
      text += '\n';
    } else {
      text += jinja[i];
    }
  }
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  return sha256_hex(text);
}

std::optional<std::string> recognized_template(std::string_view jinja) {
  const KnownJinja* known = find_known(jinja);
  return known == nullptr ? std::nullopt
                          : std::optional<std::string>(known->name);
}

std::string likely_template(std::string_view jinja) {
  struct Marker {
    std::string_view text, also, name;
  };
  // The more telling markers stand first.
  constexpr std::array<Marker, 16> kMarkers{{
      {"<|im_start|>", "</think>", "qwen3"},
      {"<|im_start|>", "Qwen", "qwen"},
      {"<|im_start|>", "SmolLM", "smollm2"},
      {"<|im_start|>", "", "chatml"},
      {"<|start_header_id|>", "Cutting Knowledge", "llama3.1"},
      {"<|start_header_id|>", "", "llama3"},
      {"<<SYS>>", "", "llama2"},
      {"<start_of_turn>", "", "gemma"},
      {"[INST]", "", "mistral"},
      {"<|user|>", "<|end|>", "phi3"},
      {"<|user|>", "", "zephyr"},
      {"<｜User｜>", "", "deepseek-r1"},
      {"GPT4 Correct", "", "openchat"},
      {"<|CHATBOT_TOKEN|>", "", "command-r"},
      {"### Instruction", "", "alpaca"},
      {"USER:", "", "vicuna"},
  }};
  for (const Marker& marker : kMarkers) {
    if (jinja.find(marker.text) != std::string_view::npos &&
        jinja.find(marker.also) != std::string_view::npos &&
        find_slots(marker.name) != nullptr) {
      return std::string(marker.name);
    }
  }
  return "";
}

std::shared_ptr<const ChatTemplate> automatic_template(
    const Tokenizer& tokenizer) {
  const std::string& jinja = tokenizer.chat_template();
  const std::string names = join_names(template_names());
  if (jinja.empty()) {
    throw Failure(
        ExitCode::input,
        "template",
        "data.template = \"auto\" needs a model with a chat template, and "
        "this model has none (is it a base model?). Choose one by name: " +
            names + ". " + std::string(kHowToDefine));
  }
  const KnownJinja* known = find_known(jinja);
  if (known != nullptr) {
    if (!known->date.empty()) {
      spdlog::warn(
          "[template] the model's chat template writes today's date; Octet "
          "writes {}, its fallback, so that the run can be repeated",
          known->date);
    }
    return named_template(std::string(known->name), template_tokens(tokenizer));
  }
  const std::string likely = likely_template(jinja);
  throw Failure(
      ExitCode::input,
      "template",
      "the model's own chat template (SHA-256 " + jinja_digest(jinja) +
          ") is not one of the " + std::to_string(known_jinja().size()) +
          " that data.template = \"auto\" is exact for. " +
          (likely.empty() ? "It has the markers of no family that Octet knows. "
                          : "It looks like \"" + likely +
                   "\": set data.template to that if `trainer data "
                   "--show 1` then shows the text you expect. ") +
          "Names: " + names + ". " + std::string(kHowToDefine));
}

TemplateTokens template_tokens(const Tokenizer& tokenizer) {
  TemplateTokens tokens;
  if (const auto bos = tokenizer.bos()) {
    tokens.bos = tokenizer.id_to_token(*bos);
  }
  if (const auto eos = tokenizer.eos()) {
    tokens.eos = tokenizer.id_to_token(*eos);
  }
  return tokens;
}

} // namespace octet
