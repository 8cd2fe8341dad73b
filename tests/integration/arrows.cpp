// See arrows.h. An include counts by its spelling: "core/..." and
// "plugins/..." from the root, <octet/...> is the SDK, <ATen/...>, <c10/...>
// and <torch/...> are LibTorch, every other <...> is a system library.
#include "tests/integration/arrows.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace octet::arrows {
namespace {

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

/// One #include: its text without the quotes or brackets.
struct Include {
  int line = 0;
  bool quoted = false;
  std::string name;
};

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> found;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    size_t at = line.find_first_not_of(" \t");
    if (at == std::string::npos || line[at] != '#') {
      continue;
    }
    at = line.find_first_not_of(" \t", at + 1);
    if (at == std::string::npos || line.compare(at, 7, "include") != 0) {
      continue;
    }
    const size_t open = line.find_first_of("\"<", at + 7);
    if (open == std::string::npos) {
      continue;
    }
    const bool quoted = line[open] == '"';
    const size_t close = line.find(quoted ? '"' : '>', open + 1);
    found.push_back({number, quoted, line.substr(open + 1, close - open - 1)});
  }
  return found;
}

bool is_torch(const std::string& name) {
  for (const char* prefix : {"ATen/", "c10/", "torch/", "caffe2/"}) {
    if (starts_with(name, prefix)) {
      return true;
    }
  }
  return false;
}

/// Whether one name of a row ("core", "core/data:batch.h", "sdk") covers the
/// folder and header of an include.
bool covers(
    const std::string& allowed,
    const std::string& folder,
    const std::string& header) {
  const size_t colon = allowed.find(':');
  if (colon != std::string::npos) {
    return allowed.substr(0, colon) == folder &&
        allowed.substr(colon + 1) == header;
  }
  return allowed == folder || starts_with(folder, allowed + "/");
}

} // namespace

Table parse_table(const std::string& text) {
  Table table;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line[0] == '#') {
      continue;
    }
    std::istringstream words(line);
    std::string folder, arrow, name;
    std::vector<std::string> names;
    words >> folder >> arrow;
    while (words >> name) {
      names.push_back(name);
    }
    if (arrow != "->") {
      throw std::runtime_error(
          "line " + std::to_string(number) +
          ": \"folder -> name ...\" expected, found \"" + line + "\"");
    }
    if (!table.emplace(folder, names).second) {
      throw std::runtime_error(
          "line " + std::to_string(number) + ": a second row of " + folder);
    }
  }
  return table;
}

std::string row_of(const std::string& path, const Table& table) {
  std::string best;
  for (const auto& [folder, names] : table) {
    if (starts_with(path, folder + "/") && folder.size() > best.size()) {
      best = folder;
    }
  }
  return best;
}

std::vector<std::string> check_file(
    const std::string& path,
    const std::string& text,
    const Table& table) {
  std::vector<std::string> problems;
  const std::string row = row_of(path, table);
  if (row.empty()) {
    return {path + ": its folder has no row in arrows.txt"};
  }
  const std::vector<std::string>& allowed = table.at(row);
  const std::string own = path.substr(0, path.rfind('/'));
  for (const Include& include : includes_of(text)) {
    const std::string place = path + ":" + std::to_string(include.line) + ": ";
    const size_t slash = include.name.rfind('/');
    const std::string header = include.name.substr(slash + 1);
    std::string folder =
        slash == std::string::npos ? "" : include.name.substr(0, slash);
    if (starts_with(include.name, "octet/")) {
      folder = "sdk";
    } else if (is_torch(include.name)) {
      folder = "torch";
    } else if (
        !include.quoted && !starts_with(folder, "core") &&
        !starts_with(folder, "plugins")) {
      continue; // a system library
    } else if (
        (row == "plugins" || row == "sdk/examples" ||
         row == "tests/fixtures/plugins") &&
        !starts_with(folder, "core") && !starts_with(folder, "plugins")) {
      continue; // a plugin's folder is on its own include path
    } else if (folder.empty()) {
      problems.push_back(
          place + "\"" + include.name + "\" is not written from the root");
      continue;
    }
    if (folder == own || folder == row) {
      continue;
    }
    if (std::none_of(
            allowed.begin(), allowed.end(), [&](const std::string& name) {
              return covers(name, folder, header);
            })) {
      problems.push_back(place + row + " must not include " + include.name);
    }
  }
  return problems;
}

} // namespace octet::arrows
