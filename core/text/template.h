// Chat templates: messages to the text that the model was trained on, in parts
// of which some are trained.
//
// The joined parts equal what Hugging Face's apply_chat_template writes for
// the same messages, to the character; docs/templates.md lists what that was
// compared with.
#pragma once

#include "core/text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

enum class Role { system, user, assistant, tool };

std::string_view role_name(Role role);

struct ChatMessage {
  Role role = Role::user;
  std::string content;
};

/// A stretch of the rendered chat.
struct ChatSegment {
  std::string text;
  /// Written by the assistant: its answer and the token that ends it.
  bool target = false;
};

/// Text of the tokens that templates refer to; empty when the model has none.
struct TemplateTokens {
  std::string bos, eos;
};

class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;

  virtual const std::string& name() const = 0;
  /// Sources and targets in turn; a target follows each source.
  /// @param open_answer ends with what asks the model for its answer
  /// (add_generation_prompt)
  /// @throws Failure(input) where the family's template refuses the messages
  virtual std::vector<ChatSegment> render(
      const std::vector<ChatMessage>& messages,
      bool open_answer) const = 0;
  /// Whether a chat that ends with an answer keeps its system message. Some
  /// families write it only before a last question.
  virtual bool keeps_system() const = 0;
  /// Texts of the tokens that end an answer.
  virtual std::vector<std::string> stop() const = 0;
  /// SHA-256 over everything that decides the text; part of cache keys.
  virtual std::string digest() const = 0;

  std::string text(const std::vector<ChatMessage>& messages, bool open_answer)
      const;
};

/// A template given by its slots. {system}, {user}, {assistant} and {tool}
/// stand for the content, {bos} and {eos} for the model's tokens.
struct TemplateSlots {
  std::string name;
  /// At the start of every chat.
  std::string prefix;
  std::string system;
  std::string user;
  /// Before each answer; not trained.
  std::string answer_header;
  /// The answer and its end; all of it is trained.
  std::string assistant;
  /// A tool's result; empty: the family has none, such chats are refused.
  std::string tool;
  /// System message of chats that bring none.
  std::optional<std::string> default_system;
  std::vector<std::string> stop;

  /// Where the system message goes.
  enum class System {
    turn, ///< a turn of its own
    first_user, ///< before the first user message, inside its slot
    last_message, ///< before the last message, if that is the user's; else lost
    refused ///< the family's template raises an error
  };
  /// What becomes of <think>...</think> in an answer.
  enum class Think {
    keep, ///< text like any other
    drop, ///< removed from every answer
    last_turn ///< removed before the last question, always written after it
  };
  System system_place = System::turn;
  Think think = Think::keep;
  /// With Think::last_turn: an empty thought is written, not trained. The
  /// answer then follows what asks for an answer without thinking.
  bool mask_empty_thought = false;
  /// An empty system message counts as none.
  bool skip_empty_system = false;
  /// White space around the content is removed.
  bool trim_system = false, trim_user = false, trim_answer = false,
       trim_tool = false;
  /// After the optional system message, user and assistant must take turns.
  bool alternate = false;
  /// What opens an answer at the end, where it differs from answer_header.
  std::optional<std::string> open_answer;
  /// At the end of a chat that asks for no answer; not trained.
  std::string closing;
};

std::shared_ptr<const ChatTemplate> make_template(
    TemplateSlots slots,
    const TemplateTokens& tokens);

/// Names that data.template takes, sorted, without auto and custom.
std::vector<std::string> template_names();

/// @throws Failure(usage) that names the nearest and all known templates
std::shared_ptr<const ChatTemplate> named_template(
    const std::string& name,
    const TemplateTokens& tokens);

/// The template that is exact for a model's own Jinja text, by its SHA-256;
/// nullopt when the text is not known.
std::optional<std::string> recognized_template(std::string_view jinja);

/// The named template whose markers a Jinja text has ("" when none has them).
std::string likely_template(std::string_view jinja);

/// What `auto` gives for this tokenizer.
/// @throws Failure(input) when the model has no chat template or an unknown
/// one: says which family it looks like, which names exist, and how to define
/// one in run.toml
std::shared_ptr<const ChatTemplate> automatic_template(
    const Tokenizer& tokenizer);

TemplateTokens template_tokens(const Tokenizer& tokenizer);

} // namespace octet
