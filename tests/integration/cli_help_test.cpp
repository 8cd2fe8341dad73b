// Help teaches, and slips on the command line name what was meant.
#include "tests/integration/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace octet {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::vector<std::string> kCommands = {
    "train",
    "config",
    "plugins",
    "data",
    "tokenize",
    "generate",
    "merge",
    "doctor"};

void expect_usage_error(
    const std::vector<std::string>& arguments,
    const std::string& message) {
  const ProcessResult result = run_trainer(arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, message + "\n");
}

TEST(CliHelp, ProgramNamesItsCommandsAndExitCodes) {
  const ProcessResult result = run_trainer({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  for (const std::string& command : kCommands) {
    EXPECT_THAT(result.out, HasSubstr("\n  " + command + " "));
  }
  for (const char* code : {"  2 ", "  3 ", "  4 ", "  5 ", "  130 "}) {
    EXPECT_THAT(result.out, HasSubstr(code));
  }
}

TEST(CliHelp, EveryCommandHasUsageOptionsAndExamples) {
  for (const std::string& command : kCommands) {
    const ProcessResult result = run_trainer({command, "--help"});
    EXPECT_EQ(result.status, 0) << command;
    EXPECT_EQ(result.err, "") << command;
    EXPECT_THAT(result.out, StartsWith("Usage: trainer")) << command;
    EXPECT_THAT(result.out, HasSubstr("\nOptions:\n")) << command;
    EXPECT_THAT(result.out, HasSubstr("\nExamples:\n  trainer")) << command;
  }
}

TEST(CliHelp, HelpLinesFitATerminal) {
  for (const std::string& command : kCommands) {
    std::istringstream lines(run_trainer({command, "--help"}).out);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 90u) << line;
    }
  }
}

TEST(CliHelp, VersionIsAnOutputNotAnError) {
  const ProcessResult result = run_trainer({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, StartsWith("trainer 0."));
}

TEST(CliHelp, WithoutArgumentsTheHelpIsAnError) {
  const ProcessResult result = run_trainer({});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("Usage: trainer --config run.toml"));
}

TEST(CliHelp, UnknownCommandNamesTheNearest) {
  expect_usage_error(
      {"plugin", "list"},
      "[trainer] unknown command plugin; did you mean plugins?");
  expect_usage_error(
      {"zzzz"},
      "[trainer] unknown command zzzz; the commands are train, config, "
      "plugins, data, tokenize, generate, merge and doctor");
  expect_usage_error(
      {"my/run.toml"},
      "[trainer] unknown command my/run.toml; to train, write trainer "
      "--config my/run.toml");
}

TEST(CliHelp, UnknownOptionNamesTheNearest) {
  expect_usage_error(
      {"--confg", "run.toml"},
      "[trainer] unknown option --confg; did you mean --config?; see `trainer "
      "--help`");
  expect_usage_error(
      {"generate", "--zzzzzzz"},
      "[trainer] unknown option --zzzzzzz; see `trainer generate --help`");
}

TEST(CliHelp, PartOfAnOptionIsNotGuessedAt) {
  expect_usage_error(
      {"--config", "run.toml", "--resum"},
      "[trainer] unknown option --resum; did you mean --resume?; see `trainer "
      "--help`");
}

TEST(CliHelp, MissingValueAndMissingOption) {
  expect_usage_error(
      {"--config"},
      "[trainer] expected a value for --config, found none; see `trainer "
      "--help`");
  expect_usage_error(
      {"--resume"},
      "[trainer] expected --config, found none; for example trainer --config "
      "configs/quickstart.toml; see `trainer --help`");
}

TEST(CliHelp, OptionTwice) {
  expect_usage_error(
      {"--config", "a.toml", "--config", "b.toml"},
      "[trainer] expected --config once, found it again; see `trainer "
      "--help`");
}

TEST(CliHelp, StrayArgument) {
  expect_usage_error(
      {"--config", "a.toml", "stray"},
      "[trainer] expected options only, found \"stray\"; see `trainer "
      "--help`");
}

TEST(CliHelp, ValueOfAnotherType) {
  expect_usage_error(
      {"data", "--config", "a.toml", "--show", "many"},
      "[trainer] expected another value for --show, found \"many\"; see "
      "`trainer data --help`");
}

TEST(CliHelp, ValueOutOfRange) {
  expect_usage_error(
      {"data", "--config", "a.toml", "--show", "0"},
      "[trainer] expected 1 or more for --show, found 0; see `trainer data "
      "--help`");
  expect_usage_error(
      {"generate", "--model", ".", "--prompt", "x", "--top-p", "0"},
      "[trainer] expected more than 0 and at most 1 for --top-p, found 0; see "
      "`trainer generate --help`");
  expect_usage_error(
      {"generate", "--model", ".", "--prompt", "x", "--temperature", "-1"},
      "[trainer] expected 0 or more for --temperature, found -1; see `trainer "
      "generate --help`");
  expect_usage_error(
      {"merge", "--adapter", ".", "--output", "x", "--dtype", "fp8"},
      "[trainer] expected auto, fp32, bf16 or fp16 for --dtype, found fp8; "
      "see `trainer merge --help`");
}

TEST(CliHelp, PathsAreCheckedBeforeAnythingStarts) {
  const TemporaryFolder folder;
  const ProcessResult generate = run_trainer(
      {"generate", "--model", "none", "--prompt", "x"}, folder.path());
  EXPECT_EQ(generate.status, 2);
  EXPECT_EQ(
      generate.err,
      "[trainer] --model none: no such file or folder: " +
          (folder.path() / "none").string() + "\n");
  folder.write("taken", "");
  const ProcessResult merge = run_trainer(
      {"merge", "--adapter", "none", "--output", "taken"}, folder.path());
  EXPECT_EQ(merge.status, 2);
  EXPECT_EQ(
      merge.err,
      "[trainer] cannot merge:\n"
      "  - --adapter: expected a folder with adapter_config.json, found "
      "none: " +
          (folder.path() / "none").string() +
          "\n  - --output: expected a new or an empty folder, found something "
          "there: " +
          (folder.path() / "taken").string() + "\n");
}

TEST(CliHelp, OutputThatCannotBeWrittenIsAFailure) {
  const ProcessResult result =
      run_shell("\"$TRAINER\" config reference > /dev/full");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(
      result.err,
      "[trainer] cannot write the output: No space left on device\n");
}

TEST(CliHelp, ReaderThatLeavesEarlyGetsNoMessage) {
  EXPECT_EQ(run_shell("\"$TRAINER\" config reference | true").err, "");
  EXPECT_EQ(
      run_shell("trap '' PIPE; \"$TRAINER\" config reference | true").err, "");
}

} // namespace
} // namespace octet
