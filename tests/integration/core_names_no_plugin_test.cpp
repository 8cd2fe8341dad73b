// Nothing in core/ names a plugin: no string of its sources holds the name of a
// plugin of this repository as a word. Comments may give examples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
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

// Names of number formats that plugins share with the core's dtypes.
const std::set<std::string> kNumberFormats = {"fp32", "bf16", "fp16"};

std::set<std::string> plugin_names(const fs::path& plugins) {
  std::set<std::string> names;
  if (!fs::exists(plugins)) {
    return names; // core/ must stand without plugins/
  }
  const std::regex name("\n *name *= *\"([^\"]+)\"");
  for (const auto& entry : fs::directory_iterator(plugins)) {
    const std::string manifest = text_of(entry.path() / "plugin.toml");
    std::smatch match;
    if (std::regex_search(manifest, match, name) &&
        kNumberFormats.count(match[1]) == 0) {
      names.insert(match[1]);
    }
  }
  return names;
}

/// The string literals of C++ source, raw ones too; comments are skipped.
std::vector<std::string> literals(const std::string& source) {
  static const std::regex token(
      "//[^\n]*"
      "|/\\*[^*]*\\*+(?:[^/*][^*]*\\*+)*/"
      "|'(?:[^'\\\\\n]|\\\\.)+'"
      "|R\"\\(([^)]|\\)[^\"])*\\)\""
      "|\"(?:[^\"\\\\\n]|\\\\.)*\"",
      std::regex::optimize);
  std::vector<std::string> found;
  for (std::sregex_iterator at(source.begin(), source.end(), token), end;
       at != end;
       ++at) {
    const std::string text = at->str();
    if (text[0] == '"' || text[0] == 'R') {
      found.push_back(text);
    }
  }
  return found;
}

/// Names that stand as words in the literals of `source`.
std::vector<std::string> named(
    const std::string& source,
    const std::set<std::string>& names) {
  std::vector<std::string> found;
  static const std::regex word("[A-Za-z0-9_-]+");
  for (const std::string& literal : literals(source)) {
    for (std::sregex_iterator at(literal.begin(), literal.end(), word), end;
         at != end;
         ++at) {
      if (names.count(at->str()) > 0) {
        found.push_back(literal);
        break;
      }
    }
  }
  return found;
}

TEST(CoreNamesNoPlugin, InAnyStringOfItsSources) {
  const fs::path source = OCTET_SOURCE_DIR;
  const std::set<std::string> names = plugin_names(source / "plugins");
  size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(source / "core")) {
    const std::string extension = entry.path().extension();
    if (extension == ".cpp" || extension == ".h" || extension == ".inc") {
      ++files;
      EXPECT_THAT(named(text_of(entry.path()), names), testing::IsEmpty())
          << entry.path();
    }
  }
  EXPECT_GT(files, 100u);
}

TEST(CoreNamesNoPlugin, AndTheTestSeesAWordButNoPartOfOneAndNoComment) {
  const std::set<std::string> names = {"lora", "my-fp8"};
  EXPECT_THAT(
      named("f(\"use features.lora\"); // lora\n", names),
      testing::ElementsAre("\"use features.lora\""));
  EXPECT_THAT(
      named("/* \"lora\" */ g('\"', \"flora, lora2, LoRA\");", names),
      testing::IsEmpty());
  EXPECT_THAT(
      named("h(\"a \\\" my-fp8\"); k(R\"(\nlora\n)\");", names),
      testing::SizeIs(2));
}

} // namespace
} // namespace octet
