// Templates that are given by slots: nearly all families.
#include "core/text/template.h"

#include "core/base/problems.h"
#include "core/base/sha256.h"
#include "core/text/template_writer.h"

#include <utility>

namespace octet {
namespace {

class SlotTemplate final : public ChatTemplate {
 public:
  SlotTemplate(TemplateSlots slots, TemplateTokens tokens)
      : slots_(std::move(slots)), tokens_(std::move(tokens)) {}

  const std::string& name() const override {
    return slots_.name;
  }

  std::vector<std::string> stop() const override {
    std::vector<std::string> texts;
    for (const std::string& text : slots_.stop) {
      std::string filled = fill(text, "", "");
      if (!filled.empty()) {
        texts.push_back(std::move(filled));
      }
    }
    return texts;
  }

  std::vector<ChatSegment> render(
      const std::vector<ChatMessage>& messages,
      bool open_answer) const override;
  std::string digest() const override;

 private:
  std::string fill(
      std::string_view slot,
      std::string_view placeholder,
      std::string_view content) const {
    return fill_slot(slot, placeholder, content, tokens_);
  }
  void check(const std::vector<ChatMessage>& turns) const;

  TemplateSlots slots_;
  TemplateTokens tokens_;
};

void SlotTemplate::check(const std::vector<ChatMessage>& turns) const {
  for (size_t i = 0; i < turns.size(); ++i) {
    const Role role = turns[i].role;
    if (role == Role::tool && slots_.tool.empty()) {
      refuse_chat(slots_.name, "has no form for a message of the role tool");
    }
    if (slots_.alternate) {
      if (role == Role::system) {
        refuse_chat(
            slots_.name, "takes a system message only as the first message");
      }
      if ((role == Role::user) != (i % 2 == 0)) {
        refuse_chat(
            slots_.name,
            "wants user and assistant in turn, the user first; message " +
                std::to_string(i + 1) + " is from the " +
                std::string(role_name(role)));
      }
    }
  }
}

std::vector<ChatSegment> SlotTemplate::render(
    const std::vector<ChatMessage>& messages,
    bool open_answer) const {
  using System = TemplateSlots::System;
  std::vector<ChatMessage> turns = messages;
  std::optional<std::string> system = slots_.default_system;
  if (!turns.empty() && turns.front().role == Role::system) {
    if (slots_.system_place == System::refused) {
      refuse_chat(slots_.name, "has no system message");
    }
    system = slots_.trim_system ? trimmed(turns.front().content)
                                : turns.front().content;
    turns.erase(turns.begin());
  }
  check(turns);

  ChatWriter writer;
  writer.source(fill(slots_.prefix, "", ""));
  std::string system_text;
  size_t system_turn = turns.size();
  if (system) {
    system_text = fill(slots_.system, "{system}", *system);
    if (slots_.system_place == System::turn) {
      writer.source(system_text);
    } else {
      for (size_t i = 0; i < turns.size(); ++i) {
        if (turns[i].role == Role::user) {
          system_turn = i;
          if (slots_.system_place == System::first_user) {
            break;
          }
        }
      }
    }
  }
  for (size_t i = 0; i < turns.size(); ++i) {
    const std::string& content = turns[i].content;
    switch (turns[i].role) {
      case Role::system:
        writer.source(fill(
            slots_.system,
            "{system}",
            slots_.trim_system ? trimmed(content) : content));
        break;
      case Role::user: {
        const std::string own = slots_.trim_user ? trimmed(content) : content;
        writer.source(fill(
            slots_.user, "{user}", i == system_turn ? system_text + own : own));
        break;
      }
      case Role::tool:
        writer.source(fill(slots_.tool, "{tool}", content));
        break;
      case Role::assistant:
        writer.source(fill(slots_.answer_header, "", ""));
        writer.target(fill(
            slots_.assistant,
            "{assistant}",
            slots_.trim_answer ? trimmed(content) : content));
        break;
    }
  }
  if (open_answer) {
    writer.source(
        fill(slots_.open_answer.value_or(slots_.answer_header), "", ""));
  }
  return writer.take();
}

std::string SlotTemplate::digest() const {
  Sha256 digest;
  digest.update_field("slots 1");
  for (const std::string* text :
       {&slots_.name,
        &slots_.prefix,
        &slots_.system,
        &slots_.user,
        &slots_.answer_header,
        &slots_.assistant,
        &slots_.tool,
        &tokens_.bos,
        &tokens_.eos}) {
    digest.update_field(*text);
  }
  digest.update_field(
      slots_.default_system ? "default " + *slots_.default_system : "none");
  for (const int flag :
       {static_cast<int>(slots_.system_place),
        static_cast<int>(slots_.trim_system),
        static_cast<int>(slots_.trim_user),
        static_cast<int>(slots_.trim_answer),
        static_cast<int>(slots_.alternate)}) {
    digest.update_field(std::to_string(flag));
  }
  return digest.hex();
}

} // namespace

std::shared_ptr<const ChatTemplate> make_template(
    TemplateSlots slots,
    const TemplateTokens& tokens) {
  return std::make_shared<SlotTemplate>(std::move(slots), tokens);
}

} // namespace octet
