// trainer config, and run.toml's problems as the program prints them.
#include "tests/integration/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

namespace octet {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class CliConfig : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_.path() / "model");
    folder_.write("a.jsonl", "{}\n");
    folder_.write("run.toml", base());
  }

  static std::string base() {
    return "[model]\npath = \"model\"\n[data]\ntrain = [\"a.jsonl\"]\n";
  }

  ProcessResult run(const std::vector<std::string>& arguments) const {
    return run_trainer(arguments, folder_.path());
  }

  TemporaryFolder folder_;
};

TEST_F(CliConfig, HelpListsEveryTable) {
  const ProcessResult result = run({"config", "help"});
  EXPECT_EQ(result.status, 0);
  for (const char* table :
       {"[run]",
        "[model]",
        "[data]",
        "[data.custom_template]",
        "[train]",
        "[eval]",
        "[precision]",
        "[precision.<backend>]",
        "[features.<name>]",
        "[checkpoint]",
        "[export]",
        "[plugins]"}) {
    EXPECT_THAT(result.out, HasSubstr(std::string("\n") + table + "\n"));
  }
}

TEST_F(CliConfig, HelpExplainsAKeyWithOrWithoutItsTable) {
  const ProcessResult full = run({"config", "help", "train.warmup"});
  EXPECT_EQ(full.status, 0);
  EXPECT_THAT(full.out, HasSubstr("train.warmup\n"));
  EXPECT_THAT(full.out, HasSubstr("default       0.03"));
  EXPECT_EQ(run({"config", "help", "warmup"}).out, full.out);
  EXPECT_THAT(run({"config", "help", "train"}).out, HasSubstr("\n  warmup "));
  EXPECT_THAT(run({"config", "help", "[train]"}).out, HasSubstr("\n  warmup "));
}

TEST_F(CliConfig, HelpForAMisspeltKeyNamesTheNearest) {
  const ProcessResult result = run({"config", "help", "train.warmupp"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[config] no key or table is called train.warmupp; did you mean "
      "train.warmup?\n");
}

TEST_F(CliConfig, HelpForAKeyOfSeveralTablesNamesThem) {
  EXPECT_EQ(
      run({"config", "help", "every"}).err,
      "[config] no key or table is called every; did you mean eval.every, "
      "watch.every and checkpoint.every?\n");
}

TEST_F(CliConfig, ReferenceIsThePageInDocs) {
  std::ifstream in(OCTET_SOURCE_DIR "/docs/config.md", std::ios::binary);
  std::ostringstream page;
  page << in.rdbuf();
  const ProcessResult result = run({"config", "reference"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, page.str());
}

TEST_F(CliConfig, ShowTellsValuesAndWhoSetThem) {
  folder_.write("run.toml", base() + "[train]\nepochs = 2\n[features.x]\n");
  const ProcessResult result =
      run({"config", "show", "--config", "run.toml", "--set", "run.seed=7"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("[features.x]\n"));
  const auto has = [&](const std::string& pattern) {
    return std::regex_search(result.out, std::regex(pattern));
  };
  EXPECT_TRUE(has("\nepochs = 2\\.0 +# run\\.toml:6\n")) << result.out;
  EXPECT_TRUE(has("\nseed = 7 +# --set\n")) << result.out;
  EXPECT_TRUE(has("\nwarmup = 0\\.03 +# default\n")) << result.out;
}

TEST_F(CliConfig, WhatShowPrintsIsARunTomlWithTheSameValues) {
  folder_.write(
      "run.toml",
      base() +
          "template = \"custom\"\n[data.custom_template]\nuser = "
          "\"{user}\\n\"\n"
          "assistant = \"{assistant}\"\n[precision.b]\nfast = true\n"
          "[features.x]\n[features.y]\nrank = 4\n");
  const ProcessResult first = run({"config", "show", "-c", "run.toml"});
  ASSERT_EQ(first.status, 0) << first.err;
  folder_.write("again.toml", first.out);
  const ProcessResult second = run({"config", "show", "-c", "again.toml"});
  ASSERT_EQ(second.status, 0) << second.err;
  const std::regex places(" +# [^\n]*");
  EXPECT_EQ(
      std::regex_replace(first.out, places, ""),
      std::regex_replace(second.out, places, ""));
}

TEST_F(CliConfig, ProblemsGoToStandardErrorWithExitCodeTwo) {
  folder_.write("run.toml", base() + "[train]\nepoch = 1\nwarmup = -1\n");
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"--config", "run.toml"},
           {"train", "--config", "run.toml"},
           {"--config", "run.toml", "--dry-run"},
           {"data", "--config", "run.toml"},
           {"config", "show", "--config", "run.toml"}}) {
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(
        result.err,
        "[config] run.toml has 2 problems:\n"
        "  - train.warmup = -1 (run.toml:7): expected a value of at least 0\n"
        "  - unknown key train.epoch (run.toml:6); did you mean "
        "train.epochs?\n");
  }
}

TEST_F(CliConfig, MissingModelIsToldBeforeAnythingStarts) {
  const ProcessResult result =
      run({"--config", "run.toml", "--set", "model.path=nowhere/model"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[config] model.path = \"nowhere/model\" (--set): no such file or "
      "folder: " +
          (folder_.path() / "nowhere/model").string() + "\n");
}

TEST_F(CliConfig, EnvironmentVariablesChangeNoKey) {
  const ProcessResult plain = run({"config", "show", "-c", "run.toml"});
  const ProcessResult other = run_trainer(
      {"config", "show", "-c", "run.toml"},
      folder_.path(),
      {"OCTET_RUN_SEED=9", "RUN_SEED=9", "SEED=9", "OMP_NUM_THREADS=3"});
  EXPECT_EQ(plain.out, other.out);
}

TEST_F(CliConfig, UnknownActionOfConfig) {
  const ProcessResult result = run({"config", "shwo"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[trainer] expected trainer config help, reference or show, found "
      "\"shwo\"; see `trainer config --help`\n");
}

// Problems with plugins must come before LibTorch starts, so this passes in a
// build without the training library too.
TEST_F(CliConfig, UnknownPluginsAreToldTogetherWithExitCodeThree) {
  folder_.write(
      "run.toml",
      base() +
          "[precision]\nbackend = \"good-precison\"\n[features.god-feature]\n");
  const ProcessResult result = run(
      {"--config",
       "run.toml",
       "--plugin-path",
       OCTET_BINARY_DIR "/tests/plugins"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(
      result.err,
      HasSubstr("  - precision.backend = \"good-precison\" (run.toml:6): there "
                "is no precision plugin good-precison; did you mean "
                "good-precision?"));
  EXPECT_THAT(
      result.err,
      HasSubstr("  - [features.god-feature] (run.toml:7): there is no feature "
                "plugin god-feature; did you mean good-feature?"));
}

} // namespace
} // namespace octet
