// Templates that are given by slots: nearly all families.
#include "core/text/template.h"

#include "core/base/problems.h"
#include "core/base/sha256.h"
#include "core/text/template_think.h"
#include "core/text/template_writer.h"

#include <utility>

namespace octet {
namespace {

std::string trimmed_if(bool trim, const std::string& text) {
  return trim ? trimmed(text) : text;
}

class SlotTemplate final : public ChatTemplate {
 public:
  SlotTemplate(TemplateSlots slots, TemplateTokens tokens)
      : slots_(std::move(slots)), tokens_(std::move(tokens)) {}

  const std::string& name() const override {
    return slots_.name;
  }

  bool keeps_system() const override {
    return slots_.system_place != TemplateSlots::System::last_message;
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
  std::optional<std::string> take_system(std::vector<ChatMessage>& turns) const;
  size_t system_turn(const std::vector<ChatMessage>& turns) const;
  void write_answer(
      const std::vector<ChatMessage>& turns,
      size_t at,
      ChatWriter& writer) const;

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

std::optional<std::string> SlotTemplate::take_system(
    std::vector<ChatMessage>& turns) const {
  if (turns.empty() || turns.front().role != Role::system) {
    return slots_.default_system;
  }
  if (slots_.system_place == TemplateSlots::System::refused) {
    refuse_chat(slots_.name, "has no form for a system message");
  }
  std::string system = trimmed_if(slots_.trim_system, turns.front().content);
  turns.erase(turns.begin());
  if (system.empty() && slots_.skip_empty_system) {
    return std::nullopt;
  }
  return system;
}

// The user message that the system message is put into; turns.size() for none.
size_t SlotTemplate::system_turn(const std::vector<ChatMessage>& turns) const {
  if (slots_.system_place == TemplateSlots::System::last_message) {
    const bool asks = !turns.empty() && turns.back().role == Role::user;
    return asks ? turns.size() - 1 : turns.size();
  }
  if (slots_.system_place == TemplateSlots::System::first_user) {
    for (size_t i = 0; i < turns.size(); ++i) {
      if (turns[i].role == Role::user) {
        return i;
      }
    }
  }
  return turns.size();
}

void SlotTemplate::write_answer(
    const std::vector<ChatMessage>& turns,
    size_t at,
    ChatWriter& writer) const {
  using Think = TemplateSlots::Think;
  writer.source(fill(slots_.answer_header, "", ""));
  std::string content = turns[at].content;
  if (slots_.think == Think::drop) {
    content = after_thought(content);
  } else if (slots_.think == Think::last_turn) {
    const Thought thought = split_thought(content);
    content = thought.answer;
    const bool is_last = at + 1 == turns.size();
    if (is_after_last_question(turns, at) &&
        (is_last || !thought.reasoning.empty())) {
      const std::string written = written_thought(thought);
      content = without_newlines_before(content);
      if (slots_.mask_empty_thought && thought.reasoning.empty()) {
        writer.source(written);
      } else {
        content = written + content;
      }
    }
  }
  writer.target(fill(
      slots_.assistant,
      "{assistant}",
      trimmed_if(slots_.trim_answer, content)));
}

std::vector<ChatSegment> SlotTemplate::render(
    const std::vector<ChatMessage>& messages,
    bool open_answer) const {
  std::vector<ChatMessage> turns = messages;
  const std::optional<std::string> system = take_system(turns);
  check(turns);

  ChatWriter writer;
  writer.source(fill(slots_.prefix, "", ""));
  const std::string system_text =
      system ? fill(slots_.system, "{system}", *system) : "";
  if (slots_.system_place == TemplateSlots::System::turn) {
    writer.source(system_text);
  }
  const size_t with_system = system_turn(turns);
  for (size_t i = 0; i < turns.size(); ++i) {
    const std::string& content = turns[i].content;
    switch (turns[i].role) {
      case Role::system:
        writer.source(fill(
            slots_.system,
            "{system}",
            trimmed_if(slots_.trim_system, content)));
        break;
      case Role::user:
        writer.source(fill(
            slots_.user,
            "{user}",
            trimmed_if(
                slots_.trim_user,
                i == with_system ? system_text + content : content)));
        break;
      case Role::tool:
        writer.source(
            fill(slots_.tool, "{tool}", trimmed_if(slots_.trim_tool, content)));
        break;
      case Role::assistant:
        write_answer(turns, i, writer);
        break;
    }
  }
  if (open_answer) {
    writer.source(
        fill(slots_.open_answer.value_or(slots_.answer_header), "", ""));
  } else {
    writer.source(fill(slots_.closing, "", ""));
  }
  return writer.take();
}

std::string SlotTemplate::digest() const {
  Sha256 digest;
  digest.update_field("slots 2");
  for (const std::string* text :
       {&slots_.name,
        &slots_.prefix,
        &slots_.system,
        &slots_.user,
        &slots_.answer_header,
        &slots_.assistant,
        &slots_.tool,
        &slots_.closing,
        &tokens_.bos,
        &tokens_.eos}) {
    digest.update_field(*text);
  }
  digest.update_field(
      slots_.default_system ? "default " + *slots_.default_system : "none");
  for (const int flag :
       {static_cast<int>(slots_.system_place),
        static_cast<int>(slots_.think),
        static_cast<int>(slots_.mask_empty_thought),
        static_cast<int>(slots_.skip_empty_system),
        static_cast<int>(slots_.trim_system),
        static_cast<int>(slots_.trim_user),
        static_cast<int>(slots_.trim_answer),
        static_cast<int>(slots_.trim_tool),
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
