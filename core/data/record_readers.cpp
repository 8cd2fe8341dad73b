// One record of each format, with every way in which it can be wrong.
#include "core/base/problems.h"
#include "core/data/formats.h"
#include "core/data/json_text.h"
#include "core/data/utf8.h"

#include <nlohmann/json.hpp>

namespace octet {
namespace {

using nlohmann::json;

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

// A string, or "" where the key is absent or null.
std::string optional_string(const json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return "";
  }
  if (!found->is_string()) {
    throw BadRecord("\"" + key + "\" must be a string, it is " + shown(*found));
  }
  return found->get<std::string>();
}

void refuse_tools(const json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null() || found->empty() ||
      (found->is_string() &&
       (is_blank(found->get<std::string>()) ||
        found->get<std::string>() == "[]"))) {
    return;
  }
  throw BadRecord(
      "\"" + key +
      "\" defines tools, and Octet's templates have no form for "
      "tool definitions; write them into the system message");
}

json parse(std::string_view bytes) {
  try {
    return json::parse(bytes);
  } catch (const json::exception& error) {
    std::string text = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, ...": the line
    // is the record's own and would mislead beside the file's.
    const size_t column = text.find("column ");
    const size_t start = text.find("] ");
    if (column != std::string::npos) {
      text = text.substr(column);
    } else if (start != std::string::npos) {
      text = text.substr(start + 2);
    }
    throw BadRecord("is not JSON: " + text);
  }
}

// Content of a message: a string, or a list of parts of type text.
std::string content_of(const json& message, const std::string& key) {
  const auto found = message.find(key);
  if (found == message.end()) {
    throw BadRecord(
        "a message lacks \"" + key + "\"; it has " + keys_of(message));
  }
  if (found->is_string()) {
    return found->get<std::string>();
  }
  if (!found->is_array()) {
    throw BadRecord(
        "\"" + key + "\" of a message must be a string, it is " +
        shown(*found));
  }
  std::string text;
  for (const json& part : *found) {
    if (!part.is_object() || part.value("type", json()) != "text" ||
        !part.contains("text") || !part["text"].is_string()) {
      throw BadRecord(
          "a part of a message must be {\"type\": \"text\", \"text\": ...}, it "
          "is a " +
          shown(part));
    }
    text += part["text"].get<std::string>();
  }
  return text;
}

// An optional system message, then questions and answers in turn.
void check_turns(const std::vector<ChatMessage>& messages) {
  const size_t first =
      !messages.empty() && messages.front().role == Role::system ? 1 : 0;
  if (messages.size() == first) {
    throw BadRecord("the conversation has no messages");
  }
  for (size_t i = first; i < messages.size(); ++i) {
    const Role role = messages[i].role;
    const bool asks = role == Role::user || role == Role::tool;
    const bool should_ask = (i - first) % 2 == 0;
    const std::string which = "message " + std::to_string(i + 1);
    if (asks != should_ask || role == Role::system) {
      throw BadRecord(
          which + " is from the " + std::string(role_name(role)) + " where " +
          (should_ask ? "the user's" : "the assistant's") +
          " turn was expected");
    }
    if (!asks && is_blank(messages[i].content)) {
      throw BadRecord(which + ", an answer, is empty");
    }
  }
  if (messages.back().role != Role::assistant) {
    throw BadRecord(
        "has no answer: the last message is from the " +
        std::string(role_name(messages.back().role)));
  }
}

} // namespace

Record RecordFormat::read(std::string_view bytes) const {
  if (plain_file_) {
    if (!is_utf8(bytes)) {
      throw BadRecord("is not UTF-8; convert the file");
    }
    Record record;
    record.text = std::string(bytes);
    return record;
  }
  const json value = parse(bytes);
  if (!value.is_object()) {
    throw BadRecord("must be a JSON object, it is " + shown(value));
  }
  if (name_ == "alpaca") {
    return read_alpaca(value);
  }
  return name_ == "text" ? read_text(value) : read_chat(value);
}

Record RecordFormat::read_alpaca(const json& object) const {
  Record record;
  refuse_tools(object, column("tools"));
  const std::string system = optional_string(object, column("system"));
  if (!system.empty()) {
    record.messages.push_back({Role::system, system});
  }
  const auto history = object.find(column("history"));
  if (history != object.end() && !history->is_null()) {
    if (!history->is_array()) {
      throw BadRecord(
          "\"" + column("history") + "\" must be a list of pairs, it is " +
          shown(*history));
    }
    for (const json& pair : *history) {
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() ||
          !pair[1].is_string()) {
        throw BadRecord(
            "each item of \"" + column("history") +
            "\" must be [question, answer], one is " + shown(pair));
      }
      record.messages.push_back({Role::user, pair[0].get<std::string>()});
      record.messages.push_back({Role::assistant, pair[1].get<std::string>()});
    }
  }
  std::string question = optional_string(object, column("prompt"));
  const std::string query = optional_string(object, column("query"));
  if (!query.empty()) {
    question += question.empty() ? query : "\n" + query;
  }
  if (question.empty()) {
    throw BadRecord(
        "has no question: \"" + column("prompt") +
        "\" is missing or empty; "
        "found " +
        keys_of(object));
  }
  const std::string answer = optional_string(object, column("response"));
  if (is_blank(answer)) {
    throw BadRecord(
        "has no answer: \"" + column("response") + "\" is " +
        (object.contains(column("response"))
             ? "empty"
             : "missing; found " + keys_of(object)));
  }
  record.messages.push_back({Role::user, question});
  record.messages.push_back({Role::assistant, answer});
  check_turns(record.messages);
  return record;
}

Role RecordFormat::role_of(const std::string& tag) const {
  // The names of both worlds are taken, whatever the format: many files mix
  // them.
  if (tag == column("user") || tag == "user" || tag == "human") {
    return Role::user;
  }
  if (tag == column("assistant") || tag == column("function_call") ||
      tag == "assistant" || tag == "gpt") {
    return Role::assistant;
  }
  if (tag == column("system_role")) {
    return Role::system;
  }
  if (tag == column("observation") || tag == "tool") {
    return Role::tool;
  }
  throw BadRecord(
      "unknown role \"" + tag + "\"; expected " + column("system_role") + ", " +
      column("user") + ", " + column("assistant") + " or " +
      column("observation"));
}

Record RecordFormat::read_chat(const json& object) const {
  Record record;
  refuse_tools(object, column("tools"));
  const auto list = object.find(column("messages"));
  if (list == object.end()) {
    throw BadRecord(
        "lacks \"" + column("messages") + "\"; it has " + keys_of(object));
  }
  if (!list->is_array()) {
    throw BadRecord(
        "\"" + column("messages") + "\" must be a list, it is " + shown(*list));
  }
  for (const json& message : *list) {
    if (!message.is_object()) {
      throw BadRecord("a message must be an object, it is " + shown(message));
    }
    if (message.contains("tool_calls") && !message["tool_calls"].empty()) {
      throw BadRecord(
          "a message has \"tool_calls\", and Octet's templates have no form "
          "for them; write the call as the message's content");
    }
    const auto tag = message.find(column("role"));
    if (tag == message.end() || !tag->is_string()) {
      throw BadRecord(
          "a message lacks \"" + column("role") + "\"; it has " +
          keys_of(message));
    }
    record.messages.push_back(
        {role_of(tag->get<std::string>()),
         content_of(message, column("content"))});
  }
  const std::string system = optional_string(object, column("system"));
  if (!system.empty() &&
      (record.messages.empty() ||
       record.messages.front().role != Role::system)) {
    record.messages.insert(record.messages.begin(), {Role::system, system});
  }
  check_turns(record.messages);
  return record;
}

Record RecordFormat::read_text(const json& object) const {
  Record record;
  const auto found = object.find(column("text"));
  if (found == object.end()) {
    throw BadRecord(
        "lacks \"" + column("text") + "\"; it has " + keys_of(object));
  }
  record.text = optional_string(object, column("text"));
  if (record.text.empty()) {
    throw BadRecord("\"" + column("text") + "\" is empty");
  }
  return record;
}

} // namespace octet
