// trainer plugins matrix: which plugins go together, from their manifests. As a
// table, as JSON, and as docs/compatibility.md.
#include "core/base/problems.h"
#include "core/base/terminal.h"
#include "core/plugin/core_capabilities.h"
#include "core/resolve/matrix.h"
#include "tools/trainer/columns.h"
#include "tools/trainer/plugin_actions.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins matrix",
      "[--json | --markdown]",
      "Which plugins go together, which do not, and why: from the manifests of "
      "all that\nis installed, and the capabilities of the core. No code of a "
      "plugin runs. A cell\nwith * depends on options; a run has one backend, "
      "hence \"either\";\n\"later\": one of the two is not built yet, and a "
      "run "
      "that asks for it stops.",
      {{"trainer plugins matrix", "the table"},
       {"trainer plugins matrix --manifest my/plugin.toml --manifest "
        "plugins/lora/plugin.toml",
        "of plugins that are not built yet"}});
  line.options().add_options()("json", "an object")(
      "markdown", "a page, as docs/compatibility.md")(
      "manifest",
      po::value<std::vector<std::string>>()->composing()->value_name("FILE"),
      "a plugin.toml to read instead of what is installed; may stand several "
      "times")(
      "tested",
      po::value<std::string>()->value_name("FILE"),
      "pairs that a test trains, one a line: two names and the test's");
  add_discovery_options(line.options());
  return line;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    throw Failure(
        ExitCode::usage,
        "plugins",
        "expected a file that can be read, found none: " + file);
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<Manifest> manifests_of(const CommandLine& line) {
  std::vector<Manifest> manifests;
  for (const std::string& file : line.all("manifest")) {
    manifests.push_back(parse_manifest(text_of(file), file));
  }
  if (manifests.empty()) {
    for (const CatalogEntry& entry : discover(line).entries) {
      if (entry.status == PluginStatus::ready) {
        manifests.push_back(entry.manifest);
      }
    }
  }
  for (const CoreCapability& capability : core_capabilities()) {
    manifests.push_back(capability.entry.manifest);
  }
  return manifests;
}

std::set<std::string> planned_names() {
  std::set<std::string> names;
  for (const CoreCapability& capability : core_capabilities()) {
    if (!capability.missing.empty()) {
      names.insert(capability.entry.manifest.name);
    }
  }
  return names;
}

/// "fp8 lora Suite.Test", comments with #. The order of the names is free.
std::map<std::string, std::string> tested_pairs(const std::string& file) {
  std::map<std::string, std::string> pairs;
  std::istringstream lines(text_of(file));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string a, b, test;
    if (words >> a >> b >> test) {
      pairs[std::min(a, b) + " " + std::max(a, b)] = test;
    }
  }
  return pairs;
}

std::string cell_of(const PairVerdict& pair) {
  return pair.either_or
      ? "either"
      : verdict_name(pair.verdict) + std::string(pair.conditional ? "*" : "");
}

std::string how_known(const PairVerdict& pair) {
  return pair.planned       ? ", not built yet"
      : pair.tested.empty() ? ", declared"
                            : ", tested: `" + pair.tested + "`";
}

// "a with b: Reason. Way out. (when recipe == "x")"
std::vector<std::string> reasons_of(const PairVerdict& pair) {
  std::vector<std::string> lines;
  for (const PairReason& reason : pair.reasons) {
    if (reason.text.empty()) {
      continue;
    }
    lines.push_back(
        reason.text +
        (reason.when.empty() ? "" : " (only when " + reason.when + ")"));
  }
  return lines;
}

void print_table(const Matrix& matrix, const Style& style) {
  std::vector<std::vector<std::string>> rows(1, {""});
  for (const Manifest& manifest : matrix.plugins) {
    rows[0].push_back(manifest.name);
  }
  // The last column is not padded; an empty one lets all others be.
  rows[0].push_back("");
  for (const Manifest& row : matrix.plugins) {
    std::vector<std::string> cells = {row.name};
    for (const Manifest& column : matrix.plugins) {
      if (row.name == column.name) {
        cells.emplace_back("-");
        continue;
      }
      const PairVerdict& pair = matrix.at(row.name, column.name);
      cells.push_back(cell_of(pair) + (pair.planned ? " later" : ""));
    }
    cells.push_back("");
    rows.push_back(std::move(cells));
  }
  std::cout << columns_text(
      rows, [&](size_t row, size_t column, const std::string& cell) {
        if (row == 0 || column == 0) {
          return style.bold(cell);
        }
        return cell.ends_with("later")   ? style.dim(cell)
            : cell.starts_with("ok")     ? style.green(cell)
            : cell.starts_with("warn")   ? style.yellow(cell)
            : cell.starts_with("reject") ? style.red(cell)
                                         : style.dim(cell);
      });
  for (const PairVerdict& pair : matrix.pairs) {
    for (const std::string& reason : reasons_of(pair)) {
      std::cout << "\n"
                << cell_of(pair) << ": " << pair.first << " with "
                << pair.second << ": " << reason << "\n";
    }
  }
}

void print_markdown(const Matrix& matrix) {
  std::cout
      << "# Compatibility\n\n"
         "Which plugins of this repository go together. Printed by `trainer "
         "plugins matrix`\nfrom the manifests (`tools/docs`); `tools/check` "
         "compares "
         "the two, so edit the `[[relation]]`\ntables of "
         "`plugins/*/plugin.toml` "
         "instead. `trainer plugins matrix` shows the same for what\nis "
         "installed with you.\n\n"
         "- **ok**: runs; **warn**: runs, and says why to be careful; "
         "**reject**: the run stops\n  before any weight is read.\n"
         "- **either**: a run has one precision backend.\n"
         "- \\*: depends on options, see below.\n"
         "- **tested**: the named test trains the pair; **declared**: nobody "
         "trains it in the tests.\n"
         "- **not built yet**: what the verdict will be; a run that asks for "
         "it stops and says so.\n\n"
         "|";
  for (const Manifest& manifest : matrix.plugins) {
    std::cout << " | " << manifest.name;
  }
  std::cout << " |\n|---";
  for (size_t i = 0; i < matrix.plugins.size(); ++i) {
    std::cout << "|---";
  }
  std::cout << "|\n";
  for (const Manifest& row : matrix.plugins) {
    std::cout << "| **" << row.name << "**";
    for (const Manifest& column : matrix.plugins) {
      std::cout << " | ";
      if (row.name == column.name) {
        continue;
      }
      const PairVerdict& pair = matrix.at(row.name, column.name);
      std::string cell = cell_of(pair);
      if (cell.ends_with("*")) {
        cell.insert(cell.size() - 1, "\\");
      }
      if (!pair.either_or) {
        cell += how_known(pair);
      }
      std::cout << cell;
    }
    std::cout << " |\n";
  }
  std::cout << "\n## Reasons\n\n";
  bool none = true;
  for (const PairVerdict& pair : matrix.pairs) {
    for (const std::string& reason : reasons_of(pair)) {
      none = false;
      std::cout << "- **" << cell_of(pair) << "**: " << pair.first << " with "
                << pair.second << ": " << reason << "\n";
    }
  }
  std::cout << (none ? "Nobody warns of or rejects another.\n" : "");
}

} // namespace

ExitCode show_plugin_matrix(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const Matrix matrix = compatibility_matrix(
      manifests_of(line),
      line.has("tested") ? tested_pairs(line.get<std::string>("tested"))
                         : std::map<std::string, std::string>{},
      planned_names());
  if (line.has("json")) {
    std::cout << to_json(matrix).dump(2) << "\n";
  } else if (line.has("markdown")) {
    print_markdown(matrix);
  } else {
    print_table(matrix, Style::standard_output());
  }
  return ExitCode::success;
}

} // namespace octet
