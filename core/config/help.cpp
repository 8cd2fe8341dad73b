// Help texts and the reference page, made from the rows of the schema alone.
#include "core/config/help.h"

#include <algorithm>

namespace octet {
namespace {

constexpr size_t kWidth = 80;

// Text broken at blanks, each line behind `indent` blanks.
std::string wrapped(const std::string& text, size_t indent) {
  std::string result, line;
  const auto flush = [&] {
    if (!line.empty()) {
      result += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
  };
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && indent + line.size() + 1 + word.size() > kWidth) {
      flush();
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  flush();
  return result;
}

std::string padded(const std::string& text, size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ')
                             : text;
}

std::string default_or_required(const KeySpec& key) {
  return key.required ? "required" : default_text(key);
}

std::string joined(
    const std::vector<std::string>& names,
    const char* separator) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : separator) + name;
  }
  return text;
}

// "number, default 3.0"
std::string summary(const TableSpec& table, const KeySpec& key) {
  return type_name(table, key) +
      (key.required ? ", required" : ", default " + default_text(key));
}

// "|" ends a cell of a markdown table.
std::string cell(const std::string& text) {
  std::string result;
  for (const char c : text) {
    result += c == '|' ? "\\|" : std::string(1, c);
  }
  return result;
}

std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + cell(text) + "`";
}

std::string header_of(const TableSpec& table) {
  return table.owner == TableSpec::Owner::data_set ? "an element of data.train"
                                                   : "[" + table.path + "]";
}

} // namespace

std::string help_overview() {
  std::string text =
      "The keys of run.toml. `trainer config help TABLE` and `trainer config "
      "help KEY`\ntell more; --set KEY=VALUE changes one for a run.\n";
  for (const TableSpec& table : config_tables()) {
    text += "\n" + header_of(table) + "\n";
    if (table.keys.empty()) {
      text += wrapped(table.help, 2);
    }
    for (const KeySpec& key : table.keys) {
      text += "  " + padded(key.name, 25) + summary(table, key) + "\n";
    }
  }
  return text;
}

std::string help_table(const TableSpec& table) {
  std::string text = header_of(table) + "\n" + wrapped(table.help + ".", 2);
  for (const KeySpec& key : table.keys) {
    text += "\n  " + padded(key.name, 25) + " " + summary(table, key) + "\n" +
        wrapped(key.help + ".", 4) +
        (key.one_of.empty()
             ? ""
             : wrapped("One of " + joined(key.one_of, ", ") + ".", 4));
  }
  return text;
}

std::string help_key(const TableSpec& table, const KeySpec& key) {
  const std::string path = table.path + "." + key.name;
  std::string text = path + "\n" + wrapped(key.help + ".", 2) + "\n";
  const auto row = [&](const char* name, const std::string& value) {
    if (!value.empty()) {
      text += "  " + padded(name, 14) + value + "\n";
    }
  };
  row("type", type_name(table, key));
  row("default", default_or_required(key));
  row("range", range_text(key));
  row("one of", joined(key.one_of, ", "));
  row("elsewhere", joined(key.also_called, ", "));
  if (table.owner == TableSpec::Owner::data_set) {
    text += "\n  for example\n    [[data.train]]\n    " + key.name + " = " +
        key.example + "\n";
  } else {
    text += "\n  for example\n    [" + table.path + "]\n    " + key.name +
        " = " + key.example + "\n";
  }
  return text;
}

std::string reference_page() {
  std::string page =
      "# run.toml\n\n"
      "Every key, its type, default and range. This page is printed by "
      "`trainer config reference`;\na test compares the two, so edit the "
      "schema in `core/config/tables*.cpp` instead.\n\n"
      "- Paths count from the folder `trainer` is started in; `~` is your "
      "home folder.\n"
      "- `--set train.epochs=1` changes one key for a run. The value is in "
      "TOML syntax; a bare word is a\n  string. The last `--set` of a key "
      "wins.\n"
      "- `trainer config show --config run.toml` prints every effective value "
      "and where it was set.\n"
      "- All problems are told at once, with line numbers. No environment "
      "variable changes a key.\n";
  for (const TableSpec& table : config_tables()) {
    page += "\n## " +
        (table.owner == TableSpec::Owner::data_set
             ? std::string("Elements of `data.train` and `data.eval`")
             : "`[" + table.path + "]`") +
        "\n\n" + table.help + ".\n";
    if (table.keys.empty()) {
      continue;
    }
    page +=
        "\n| key | type | default | range | meaning |\n|---|---|---|---|---|\n";
    for (const KeySpec& key : table.keys) {
      const std::string range =
          key.one_of.empty() ? range_text(key) : joined(key.one_of, ", ");
      const std::string fallback = key.required ? "required"
          : key.fallback                        ? code(default_text(key))
                                                : cell(key.default_text);
      page += "| " + code(key.name) + " | " + type_name(table, key) + " | " +
          fallback + " | " + cell(range) + " | " + cell(key.help) + ", e.g. " +
          code(key.example) + " |\n";
    }
  }
  return page;
}

} // namespace octet
