// trainer plugins, on the fixture zoo: listing tells why a plugin cannot be
// used, and runs none of them.
#include "tests/integration/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>

namespace octet {
namespace {

using ::testing::HasSubstr;

const std::string kZoo = OCTET_BINARY_DIR "/tests/plugins";

ProcessResult run_plugins(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "plugins");
  arguments.insert(arguments.end(), {"--plugin-path", kZoo});
  return run_trainer(arguments);
}

TEST(CliPlugins, ListShowsReadyAndRejectedPluginsWithReasons) {
  const ProcessResult result = run_plugins({"list"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(
      result.out, ::testing::ContainsRegex("good-precision +precision +"));
  EXPECT_THAT(result.out, HasSubstr(kZoo + "/no_sections.so) is rejected:\n"));
}

TEST(CliPlugins, ListAsJsonSaysTheSame) {
  const ProcessResult result = run_plugins({"list", "--json"});
  EXPECT_EQ(result.status, 0);
  std::map<std::string, nlohmann::json> plugins;
  for (const auto& plugin : nlohmann::json::parse(result.out)) {
    plugins[plugin.at("name")] = plugin;
  }
  EXPECT_EQ(plugins.at("good-feature").at("kind"), "feature");
  EXPECT_EQ(plugins.at("good-feature").at("status"), "ready");
  EXPECT_EQ(plugins.at("good-feature").at("origin"), "--plugin-path");
  EXPECT_EQ(plugins.at("good-feature").at("reason"), "");
  EXPECT_EQ(plugins.at("no_sections").at("status"), "rejected");
  EXPECT_NE(plugins.at("no_sections").at("reason"), "");
}

// A plugin that aborts as soon as it is loaded is listed like any other.
TEST(CliPlugins, ListingAndInspectingRunNoPlugin) {
  EXPECT_THAT(run_plugins({"list"}).out, HasSubstr("abort-on-load"));
  const ProcessResult result = run_plugins({"inspect", "abort-on-load"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("Build: fits this trainer"));
}

TEST(CliPlugins, InspectTellsWhereOptionsAreWritten) {
  const ProcessResult result = run_plugins({"inspect", "good-feature"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(
      result.out,
      HasSubstr("Options, in run.toml under [features.good-feature]:\n"));
}

TEST(CliPlugins, InspectOfAMisspeltNameNamesTheNearest) {
  const ProcessResult result = run_plugins({"inspect", "good-featur"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[plugins] expected the name of a plugin, found good-featur; did you "
      "mean good-feature?\n");
}

TEST(CliPlugins, PathsCountThePluginsOfEachFolder) {
  const ProcessResult result = run_trainer(
      {"plugins", "paths", "--plugin-path", kZoo, "--plugin-path", "/none"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, ::testing::ContainsRegex("/none +no such folder +"));
  EXPECT_THAT(
      result.out, ::testing::ContainsRegex(kZoo + " +1[0-9] +--plugin-path"));
}

TEST(CliPlugins, PluginPathThatDoesNotExistHasNoPlugins) {
  EXPECT_EQ(
      run_trainer({"plugins", "list", "--plugin-path", "/none"}).status, 0);
}

TEST(CliPlugins, OptionsOfAPluginAreExplainedByConfigHelp) {
  const ProcessResult result = run_trainer(
      {"config", "help", "features.good-feature", "--plugin-path", kZoo});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("[features.good-feature]\n"));
}

TEST(CliPlugins, UnknownAction) {
  const ProcessResult result = run_plugins({"lst"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[trainer] expected trainer plugins with one of list, inspect and paths, "
      "found \"lst\"; did you mean list?\n");
}

} // namespace
} // namespace octet
