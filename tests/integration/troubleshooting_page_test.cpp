// docs/troubleshooting.md against the tests it names: each exists, and expects
// the message that the page quotes, so that the page cannot promise a text that
// nothing says. In the table of what other trainers do, the second column is
// what is quoted, and one of the row's tests expects it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace octet {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// The next token of C++ that matters here: a comment, a character, a string, or
// any other character.
const std::regex& token() {
  static const std::regex kToken(
      "//[^\n]*|'(?:[^'\\\\\n]|\\\\.)+'|\"((?:[^\"\\\\\n]|\\\\.)*)\"|[\\s\\S]",
      std::regex::optimize);
  return kToken;
}

std::string unescaped(const std::string& literal) {
  std::string text;
  for (size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] == '\\' && i + 1 < literal.size()) {
      ++i;
      text += literal[i] == 'n' ? '\n' : literal[i];
    } else {
      text += literal[i];
    }
  }
  return text;
}

/// The string literals of source, neighbours joined as the compiler does.
std::vector<std::string> literals(const std::string& source) {
  std::vector<std::string> found;
  bool joins = false;
  for (std::sregex_iterator at(source.begin(), source.end(), token()), end;
       at != end;
       ++at) {
    const std::string whole = at->str();
    if ((*at)[1].matched) {
      if (!joins) {
        found.emplace_back();
      }
      found.back() += unescaped((*at)[1].str());
      joins = true;
    } else if (whole.find_first_not_of(" \n") != std::string::npos) {
      joins = false;
    }
  }
  return found;
}

using Tests = std::map<std::string, std::vector<std::string>>;

/// "Suite.Name" of each test to the literals of its body.
void add_tests(const std::string& source, Tests& tests) {
  static const std::regex kHead("\nTEST(?:_F|_P)?\\(\\s*(\\w+),\\s*(\\w+)\\)");
  for (std::sregex_iterator at(source.begin(), source.end(), kHead), end;
       at != end;
       ++at) {
    const auto begin = static_cast<size_t>(at->position() + at->length());
    const size_t close = source.find("\n}\n", begin);
    tests[at->str(1) + "." + at->str(2)] =
        literals(source.substr(begin, close - begin));
  }
}

Tests all_tests() {
  Tests tests;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(OCTET_SOURCE_DIR) / "tests")) {
    if (entry.path().string().ends_with("_test.cpp")) {
      add_tests(text_of(entry.path()), tests);
    }
  }
  return tests;
}

struct Row {
  bool quotes = false;
  std::string first_cell;
  /// What is said here, where another trainer is quoted first.
  std::vector<std::string> said_here;
  std::vector<std::string> tests;
};

std::vector<std::string> marked(const std::string& text) {
  static const std::regex kMarked("`([^`]+)`");
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), kMarked), end;
       at != end;
       ++at) {
    found.push_back(at->str(1));
  }
  return found;
}

/// Marked texts but for names and settings: `te`, `precision.measure = true`.
std::vector<std::string> messages_in(const std::string& cell) {
  static const std::regex kNameOrSetting("[\\w.]+( = \\S+)?");
  std::vector<std::string> found;
  for (const std::string& text : marked(cell)) {
    if (!std::regex_match(text, kNameOrSetting)) {
      found.push_back(text);
    }
  }
  return found;
}

/// Rows of the tables whose last column is "test"; those with "message" first
/// quote Octet, those with "elsewhere" first do in the second column.
std::vector<Row> rows(const std::string& page) {
  std::vector<Row> found;
  std::istringstream lines(page);
  std::string line, head;
  while (std::getline(lines, line)) {
    if (!line.starts_with("| ")) {
      if (!line.starts_with("|--")) {
        head.clear();
      }
    } else if (head.empty()) {
      head = line;
    } else if (head.ends_with("| test |")) {
      const size_t last = line.rfind("| ", line.size() - 2);
      const size_t first = line.find(" |");
      found.push_back(
          {head.starts_with("| message |"),
           line.substr(2, first - 2),
           head.starts_with("| elsewhere |")
               ? messages_in(line.substr(first, last - first))
               : std::vector<std::string>{},
           marked(line.substr(last))});
    }
  }
  return found;
}

bool expects(const std::vector<std::string>& texts, const std::string& piece) {
  for (const std::string& text : texts) {
    if (text.find(piece) != std::string::npos) {
      return true;
    }
  }
  return false;
}

/// The pieces of a message between what differs from run to run ("...").
std::vector<std::string> pieces(const std::string& message) {
  std::vector<std::string> found;
  for (size_t begin = 0, end = 0; begin < message.size(); begin = end + 3) {
    end = std::min(message.find("...", begin), message.size());
    found.push_back(message.substr(begin, end - begin));
  }
  return found;
}

/// What is wrong with a row, a line each.
std::vector<std::string> problems(const Row& row, const Tests& tests) {
  std::vector<std::string> found;
  if (row.tests.empty()) {
    found.push_back("no test: " + row.first_cell);
  }
  const auto messages =
      row.quotes ? marked(row.first_cell) : std::vector<std::string>{};
  if (row.quotes && messages.empty()) {
    found.push_back("no message: " + row.first_cell);
  }
  for (const std::string& name : row.tests) {
    const auto test = tests.find(name);
    if (test == tests.end()) {
      found.push_back("there is no test " + name);
      continue;
    }
    for (const std::string& message : messages) {
      for (const std::string& piece : pieces(message)) {
        if (!expects(test->second, piece)) {
          found.push_back(name + " does not expect \"" + piece + "\"");
        }
      }
    }
  }
  for (const std::string& message : row.said_here) {
    for (const std::string& piece : pieces(message)) {
      const bool expected = std::any_of(
          row.tests.begin(), row.tests.end(), [&](const std::string& name) {
            const auto test = tests.find(name);
            return test != tests.end() && expects(test->second, piece);
          });
      if (!expected) {
        found.push_back("none of its tests expects \"" + piece + "\"");
      }
    }
  }
  return found;
}

TEST(TroubleshootingPage, QuotesOnlyWhatItsTestsProvoke) {
  const Tests tests = all_tests();
  const std::vector<Row> all =
      rows(text_of(fs::path(OCTET_SOURCE_DIR) / "docs/troubleshooting.md"));
  size_t quoting = 0, said_here = 0;
  for (const Row& row : all) {
    quoting += row.quotes ? 1 : 0;
    said_here += row.said_here.empty() ? 0 : 1;
    EXPECT_THAT(problems(row, tests), testing::IsEmpty());
  }
  EXPECT_GT(quoting, 40u);
  EXPECT_GT(all.size(), quoting + 15);
  EXPECT_GT(said_here, 15u);
}

TEST(TroubleshootingPage, AndTheTestSeesWhatIsNotProvoked) {
  Tests tests;
  add_tests(
      "\nTEST_F(Run, Stops) {\n  // \"comment\"\n  EXPECT(\"no \\\"fuel\\\" "
      "\"\n"
      "      \"left; fly\", '\"', \"home\");\n}\n\nTEST(Run, Goes) {\n}\n",
      tests);
  EXPECT_THAT(
      tests["Run.Stops"],
      testing::ElementsAre("no \"fuel\" left; fly", "home"));
  const auto judged = [&](const std::string& line) {
    const auto found =
        rows("| message | why | test |\n|---|---|---|\n" + line + "\n");
    return found.size() == 1 ? problems(found[0], tests)
                             : std::vector<std::string>{"no row"};
  };
  EXPECT_THAT(
      judged("| `no \"fuel\" left; ...` | empty | `Run.Stops` |"),
      testing::IsEmpty());
  EXPECT_THAT(
      judged("| `no ... right` | empty | `Run.Stops` |"),
      testing::ElementsAre("Run.Stops does not expect \" right\""));
  EXPECT_THAT(
      judged("| `comment` | empty | `Run.Stops` |"), testing::SizeIs(1));
  EXPECT_THAT(judged("| `home` | empty | `Run.Goes` |"), testing::SizeIs(1));
  EXPECT_THAT(
      judged("| `home` | empty | `Run.Flies` |"),
      testing::ElementsAre("there is no test Run.Flies"));
  EXPECT_THAT(judged("| `home` | empty | none |"), testing::SizeIs(1));
  EXPECT_THAT(judged("| home | empty | `Run.Stops` |"), testing::SizeIs(1));

  const auto judged_elsewhere = [&](const std::string& here) {
    const auto found = rows(
        "| elsewhere | here | test |\n|---|---|---|\n| \"No fuel\" and "
        "`fly` | " +
        here + " | `Run.Stops`, `Run.Goes` |\n");
    return found.size() == 1 ? problems(found[0], tests)
                             : std::vector<std::string>{"no row"};
  };
  EXPECT_THAT(
      judged_elsewhere("`te` says `no ... left; fly`, with `a.b = true`"),
      testing::IsEmpty());
  EXPECT_THAT(
      judged_elsewhere("the run stops: `no ... right`"),
      testing::ElementsAre("none of its tests expects \" right\""));
}

} // namespace
} // namespace octet
