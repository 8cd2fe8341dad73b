#include "core/data/formats.h"

#include "core/base/problems.h"
#include "core/data/json_text.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace octet {
namespace {

using nlohmann::json;

const std::map<std::string, std::map<std::string, std::string>>&
default_columns() {
  static const std::map<std::string, std::map<std::string, std::string>> all{
      {"alpaca",
       {{"prompt", "instruction"},
        {"query", "input"},
        {"response", "output"},
        {"history", "history"},
        {"system", "system"},
        {"tools", "tools"}}},
      {"sharegpt",
       {{"messages", "conversations"},
        {"role", "from"},
        {"content", "value"},
        {"user", "human"},
        {"assistant", "gpt"},
        {"observation", "observation"},
        {"function_call", "function_call"},
        {"system_role", "system"},
        {"system", "system"},
        {"tools", "tools"}}},
      {"messages",
       {{"messages", "messages"},
        {"role", "role"},
        {"content", "content"},
        {"user", "user"},
        {"assistant", "assistant"},
        {"observation", "tool"},
        {"function_call", "function_call"},
        {"system_role", "system"},
        {"system", "system"},
        {"tools", "tools"}}},
      {"text", {{"text", "text"}}}};
  return all;
}

// The column that a key of `columns` means: its own name, or the key that the
// format has for it ("instruction" as well as "prompt").
std::string column_named(
    const std::map<std::string, std::string>& defaults,
    const std::string& name) {
  if (defaults.count(name) > 0) {
    return name;
  }
  for (const auto& [column, key] : defaults) {
    if (key == name) {
      return column;
    }
  }
  return "";
}

// The key under which records hold the column that tells formats apart.
std::string key_of(
    const DataSetConfig& set,
    const std::map<std::string, std::string>& defaults,
    const std::string& column) {
  for (const auto& [name, key] : set.columns) {
    if (column_named(defaults, name) == column) {
      return key;
    }
  }
  return defaults.at(column);
}

// "" when no format has its column in the record.
std::string format_of(const json& record, const DataSetConfig& set) {
  for (const auto& [format, column] :
       {std::pair<const char*, const char*>{"messages", "messages"},
        {"sharegpt", "messages"},
        {"alpaca", "prompt"},
        {"text", "text"}}) {
    const auto found =
        record.find(key_of(set, default_columns().at(format), column));
    if (found == record.end()) {
      continue;
    }
    // A mapped column is named alike in both chat formats; the keys of the
    // messages tell them apart.
    const bool has_from = found->is_array() && !found->empty() &&
        found->front().is_object() && found->front().contains("from");
    return std::string(format) == "messages" && has_from ? "sharegpt" : format;
  }
  return "";
}

std::string detect_format(const DataSetConfig& set, const RecordFile& file) {
  std::string found = " has no record that is a JSON object";
  for (const RecordSlice& slice : file.records()) {
    const json value =
        json::parse(file.bytes(slice), nullptr, /*allow_exceptions=*/false);
    if (value.is_object()) {
      const std::string format = format_of(value, set);
      if (!format.empty()) {
        return format;
      }
      found = ": no format fits a record with " + keys_of(value);
      break;
    }
  }
  throw Failure(
      ExitCode::input,
      "data",
      file.path().string() + found +
          "; expected \"messages\" (messages), \"conversations\" (sharegpt), "
          "\"instruction\" (alpaca) or \"text\" (text), or set format and "
          "columns of the data set");
}

std::map<std::string, std::string> columns_of(
    const std::string& format,
    const DataSetConfig& set) {
  const auto& known = default_columns();
  const auto defaults = known.find(format);
  if (defaults == known.end()) {
    throw Failure(
        ExitCode::usage,
        "data",
        "no data format is named \"" + format + "\" (" + set.place.text() +
            "); known: auto, alpaca, sharegpt, messages, text");
  }
  std::map<std::string, std::string> columns = defaults->second;
  std::vector<std::string> names;
  for (const auto& [column, key] : columns) {
    names.push_back(column);
  }
  Problems problems;
  for (const auto& [name, key] : set.columns) {
    const std::string column = column_named(defaults->second, name);
    if (!column.empty()) {
      columns[column] = key;
      continue;
    }
    const std::string nearest = nearest_name(name, names);
    problems.add(
        "format " + format + " has no column \"" + name + "\" (" +
        set.place.text() + ")" +
        (nearest.empty() ? ";" : "; did you mean \"" + nearest + "\"?") +
        " its columns: " + join_names(names));
  }
  problems.raise(ExitCode::usage, "data", "columns that do not exist");
  return columns;
}

} // namespace

RecordFormat::RecordFormat(
    const DataSetConfig& set,
    const std::string& stage,
    const RecordFile& file)
    : name_(set.format), plain_file_(file.is_text()) {
  const std::string path = file.path().string();
  if (plain_file_) {
    if (name_ != "auto" && name_ != "text") {
      throw Failure(
          ExitCode::input,
          "data",
          path + " is plain text, and its format is given as \"" + name_ +
              "\"; use \"text\", or a .json or .jsonl file");
    }
    name_ = "text";
  }
  if (name_ == "auto") {
    name_ = detect_format(set, file);
  }
  columns_ = columns_of(name_, set);
  if (stage == "pt" && name_ != "text") {
    throw Failure(
        ExitCode::input,
        "data",
        path + " has the format " + name_ +
            ", and stage pt trains on text: use a .txt file, or records with "
            "\"text\"; for chats set train.stage = \"sft\"");
  }
  if (stage == "sft" && name_ == "text") {
    throw Failure(
        ExitCode::input,
        "data",
        path +
            " is plain text, and stage sft trains on questions with answers; "
            "for text set train.stage = \"pt\"");
  }
}

} // namespace octet
