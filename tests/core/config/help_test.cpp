// Help and the reference page say what the schema says.
#include "tests/core/config/config_fixture.h"

#include "core/config/help.h"

#include <gmock/gmock.h>

#include <sstream>

namespace octet {
namespace {

using ::testing::HasSubstr;

TEST(ConfigHelp, KeyTellsTypeDefaultRangeAndAnExample) {
  EXPECT_EQ(
      help_key(*find_table("train"), *find_key("train.epochs")),
      "train.epochs\n"
      "  Passes over the training data.\n"
      "\n"
      "  type          number\n"
      "  default       3.0\n"
      "  range         more than 0 and at most 1000000\n"
      "  elsewhere     num_train_epochs, num_epochs, epoch\n"
      "\n"
      "  for example\n"
      "    [train]\n"
      "    epochs = 1.5\n");
}

TEST(ConfigHelp, ChoicesAreListed) {
  EXPECT_THAT(
      help_key(*find_table("data"), *find_key("data.too_long")),
      HasSubstr("  one of        truncate, drop, stop\n"));
}

TEST(ConfigHelp, EveryKeyHasAHelpThatNamesIt) {
  for (const TableSpec& table : config_tables()) {
    for (const KeySpec& key : table.keys) {
      const std::string text = help_key(table, key);
      EXPECT_THAT(text, HasSubstr(table.path + "." + key.name + "\n  "));
      EXPECT_THAT(text, HasSubstr("  type          "));
      EXPECT_THAT(text, HasSubstr("  default       ")) << text;
      EXPECT_THAT(help_table(table), HasSubstr("\n  " + key.name + " "));
      EXPECT_THAT(help_overview(), HasSubstr("\n  " + key.name));
    }
  }
}

TEST(ConfigHelp, LinesFitATerminal) {
  for (const TableSpec& table : config_tables()) {
    std::istringstream lines(help_table(table));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 80u) << line;
    }
  }
}

TEST(ConfigHelp, CommittedReferencePageIsTheGeneratedOne) {
  std::ifstream in(OCTET_SOURCE_DIR "/docs/config.md", std::ios::binary);
  std::ostringstream committed;
  committed << in.rdbuf();
  EXPECT_EQ(committed.str(), reference_page())
      << "mend with: build/bin/trainer config reference > docs/config.md";
}

} // namespace
} // namespace octet
