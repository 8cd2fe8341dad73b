// An override becomes a node of the tree, so that it is checked exactly as if
// it stood in the file.
#include "core/config/overrides.h"

#include "core/config/schema.h"

namespace octet {
namespace {

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) {
    return "";
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void set_place(TomlNode& node, const SourcePlace& place) {
  node.place = place;
  for (TomlNode& item : node.items) {
    set_place(item, place);
  }
  for (TomlEntry& entry : node.entries) {
    set_place(entry.node, place);
  }
}

// Whether the schema wants text there, so that `run.name=42` needs no quotes.
bool wants_text(const std::string& path) {
  const KeySpec* key = find_key(path);
  if (key == nullptr) {
    return false;
  }
  const TableSpec& table = *find_table(path.substr(0, path.rfind('.')));
  const std::string type = type_name(table, *key);
  return type == "string" || type == "path";
}

bool parse_value(
    const std::string& path,
    const std::string& text,
    TomlNode& out) {
  const bool parsed = parse_toml_value(text, out);
  const bool quoted = text.front() == '"' || text.front() == '\'';
  if (parsed && (quoted || !wants_text(path))) {
    return true;
  }
  if (!parsed && (quoted || text.front() == '[' || text.front() == '{')) {
    return false;
  }
  out = TomlNode();
  out.kind = TomlKind::string;
  out.string = text;
  return true;
}

void put(
    TomlNode& root,
    const std::vector<std::string>& parts,
    TomlNode value) {
  TomlNode* at = &root;
  for (const std::string& part : parts) {
    if (at->kind != TomlKind::table) {
      *at = TomlNode();
      at->place = value.place;
    }
    TomlNode* next = at->find(part);
    if (next == nullptr) {
      at->entries.push_back({part, TomlNode()});
      next = &at->entries.back().node;
      next->place = value.place;
    }
    at = next;
  }
  *at = std::move(value);
}

} // namespace

void apply_overrides(
    TomlNode& root,
    const std::vector<std::string>& overrides,
    Problems& problems) {
  for (const std::string& override : overrides) {
    const size_t equals = override.find('=');
    const std::string key = trimmed(override.substr(0, equals));
    const std::vector<std::string> parts = parse_toml_key(key);
    if (equals == std::string::npos || parts.empty()) {
      problems.add(
          "--set " + override + ": expected key=value, such as train.epochs=1");
      continue;
    }
    const std::string text = trimmed(override.substr(equals + 1));
    TomlNode value;
    if (text.empty()) {
      problems.add(
          "--set " + override +
          ": expected a value after =, found none; \"\" "
          "is the empty string");
    } else if (!parse_value(key, text, value)) {
      problems.add(
          "--set " + override +
          ": not a value in TOML syntax; strings in arrays and tables need "
          "quotes: [\"a\", \"b\"]");
    } else {
      set_place(value, {"--set", 0});
      put(root, parts, std::move(value));
    }
  }
}

} // namespace octet
