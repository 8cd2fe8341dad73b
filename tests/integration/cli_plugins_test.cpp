// trainer plugins, on the fixture zoo: listing tells why a plugin cannot be
// used, and runs none of them.
#include "tests/integration/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
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
      {"plugins", "paths", "--plugin-path", kZoo},
      ".",
      {"OCTET_PLUGIN_PATH=/none"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, ::testing::ContainsRegex("/none +no such folder +"));
  EXPECT_THAT(
      result.out,
      ::testing::ContainsRegex(kZoo + " +[1-9][0-9] +--plugin-path"));
}

TEST(CliPlugins, APluginPathThatIsNoFolderIsAnError) {
  const ProcessResult missing =
      run_trainer({"plugins", "list", "--plugin-path", "/none"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(
      missing.err,
      HasSubstr("expected an existing folder for --plugin-path, found "
                "/none"));
  const std::string file = kZoo + "/good_feature.so";
  const ProcessResult no_folder =
      run_trainer({"plugins", "list", "--plugin-path", file});
  EXPECT_EQ(no_folder.status, 2);
  EXPECT_THAT(
      no_folder.err,
      HasSubstr(
          "expected a folder with plugins for --plugin-path, "
          "found " +
          file));
}

TEST(CliPlugins, OptionsOfAPluginAreExplainedByConfigHelp) {
  const ProcessResult result = run_trainer(
      {"config", "help", "features.good-feature", "--plugin-path", kZoo});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("[features.good-feature]\n"));
}

TEST(CliPlugins, InspectAnswersScriptsByItsExitCode) {
  struct Row {
    std::vector<std::string> arguments;
    int status;
    std::string reason;
  };
  for (const Row& row : std::vector<Row>{
           {{"good-feature", "--exists"}, 0, ""},
           {{"good-feature", "--at-least", "0.0.1"}, 0, ""},
           {{"good-feature", "--exists", "--at-least", "99.0.0"},
            3,
            "expected plugin good-feature in version 99.0.0 or later, found "},
           {{"no_sections", "--exists"}, 3, "plugin no_sections ("},
           {{"nobody", "--exists"}, 3, "there is no plugin nobody"},
           {{"good-feature", "--at-least", "1"},
            2,
            "expected a version such as 1.2.3 for --at-least, found \"1\""}}) {
    std::vector<std::string> arguments = row.arguments;
    arguments.insert(arguments.begin(), "inspect");
    const ProcessResult result = run_plugins(arguments);
    EXPECT_EQ(result.status, row.status) << row.reason;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(row.reason));
    EXPECT_EQ(result.err.empty(), row.reason.empty());
  }
}

TEST(CliPlugins, InspectAsJsonHasTheManifestAndTheDigest) {
  const ProcessResult result = run_plugins({"inspect", "lora", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["kind"], "feature");
  EXPECT_EQ(json["claims"], nlohmann::json::array({"adapter"}));
  EXPECT_EQ(json["options"]["rank"]["type"], "integer");
  EXPECT_EQ(json["build_differences"], nlohmann::json::array());
  const ProcessResult sum =
      run_shell("sha256sum " + json["path"].get<std::string>());
  EXPECT_EQ(json["digest"], "sha256:" + sum.out.substr(0, 64));
}

TEST(CliPlugins, NoThirdPartyLooksInTheInstalledFolderAlone) {
  const ProcessResult result = run_trainer(
      {"plugins", "list", "--json", "--no-third-party"},
      ".",
      {"OCTET_PLUGIN_PATH=" + kZoo});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto plugins = nlohmann::json::parse(result.out);
  ASSERT_FALSE(plugins.empty());
  for (const auto& plugin : plugins) {
    EXPECT_THAT(
        plugin["origin"].get<std::string>(), ::testing::AnyOf("installed", ""));
  }
  const ProcessResult both = run_plugins({"list", "--no-third-party"});
  EXPECT_EQ(both.status, 2);
  EXPECT_THAT(
      both.err,
      HasSubstr("expected no --plugin-path beside it for --no-third-party"));
}

TEST(CliPlugins, EveryCommandThatLooksForPluginsTakesNoThirdParty) {
  for (const char* command :
       {"train",
        "generate",
        "merge",
        "data",
        "doctor",
        "plugins list",
        "plugins inspect",
        "plugins doctor",
        "plugins matrix",
        "plugins new",
        "plugins paths",
        "config"}) {
    const std::string help =
        run_shell("$TRAINER " + std::string(command) + " --help").out;
    EXPECT_THAT(help, HasSubstr("--plugin-path")) << command;
    EXPECT_THAT(help, HasSubstr("--no-third-party")) << command;
  }
}

TEST(CliPlugins, NeverTheCurrentDirectoryAlsoNotByTheEnvironment) {
  const ProcessResult result =
      run_trainer({"plugins", "list"}, kZoo, {"OCTET_PLUGIN_PATH=."});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[plugins] expected absolute folders in OCTET_PLUGIN_PATH, found \".\"; "
      "write it from the root, or use --plugin-path\n");
}

TEST(CliPlugins, PathsShowOrderRepeatedFoldersAndDuplicates) {
  TemporaryFolder copies;
  std::filesystem::copy_file(
      kZoo + "/good_feature.so", copies.path() / "other.so");
  const std::vector<std::string> arguments = {
      "plugins",
      "paths",
      "--json",
      "--plugin-path",
      copies.path().string(),
      "--plugin-path",
      kZoo};
  const ProcessResult result =
      run_trainer(arguments, ".", {"OCTET_PLUGIN_PATH=" + kZoo + "/"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  ASSERT_EQ(json["folders"].size(), 3u);
  EXPECT_EQ(json["folders"][0]["path"], copies.path().string());
  EXPECT_EQ(json["folders"][0]["plugins"], 1);
  EXPECT_EQ(
      json["folders"][1]["again"],
      nlohmann::json::array({"OCTET_PLUGIN_PATH"}));
  EXPECT_EQ(json["folders"][2]["origin"], "installed");
  ASSERT_EQ(json["duplicates"].size(), 1u);
  EXPECT_EQ(json["duplicates"][0]["name"], "good-feature");
  EXPECT_EQ(json["duplicates"][0]["files"][0]["status"], "ready");
  EXPECT_EQ(json["duplicates"][0]["files"][1]["status"], "shadowed");
  const ProcessResult text = run_trainer(
      {"plugins",
       "paths",
       "--plugin-path",
       copies.path().string(),
       "--plugin-path",
       kZoo});
  EXPECT_THAT(text.out, HasSubstr("good-feature is there more than once:\n"));
  EXPECT_THAT(text.out, HasSubstr("other.so  this one runs\n"));
}

/// Writes `count` plugins of different names that abort when they are loaded.
void write_many(const std::filesystem::path& folder, int count) {
  std::ifstream in(kZoo + "/abort_on_load.so", std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  const std::string name = "abort-on-load";
  for (int i = 0; i < count; ++i) {
    std::string copy = bytes;
    const std::string number = std::to_string(100 + i);
    for (size_t at = copy.find(name); at != std::string::npos;
         at = copy.find(name, at)) {
      copy.replace(at, name.size(), "abort-on-x" + number);
    }
    std::ofstream(folder / (number + ".so"), std::ios::binary) << copy;
  }
}

TEST(CliPlugins, TwoHundredPluginsThatAbortWhenLoadedAreListed) {
  TemporaryFolder folder;
  write_many(folder.path(), 200);
  const ProcessResult result = run_trainer(
      {"plugins", "list", "--json", "--plugin-path", folder.path().string()});
  ASSERT_EQ(result.status, 0) << result.err;
  int64_t ready = 0;
  for (const auto& plugin : nlohmann::json::parse(result.out)) {
    const std::string name = plugin["name"];
    ready += name.starts_with("abort-on-x") && plugin["status"] == "ready";
  }
  EXPECT_EQ(ready, 200);
}

TEST(CliPlugins, ListingIsPlainInAPipe) {
  EXPECT_THAT(
      run_trainer({"plugins", "list"}, ".", {"TERM=xterm"}).out,
      ::testing::Not(HasSubstr("\033")));
}

// A pseudo-terminal from util-linux.
TEST(CliPlugins, ListingHasColoursOnATerminalUnlessToldOtherwise) {
  const auto on_terminal = [](const std::string& variables) {
    return run_shell(
               variables + " script -qec \"$TRAINER plugins list\" /dev/null")
        .out;
  };
  EXPECT_THAT(on_terminal("TERM=xterm"), HasSubstr("\033[32mready"));
  EXPECT_THAT(
      on_terminal("TERM=xterm NO_COLOR=1"), ::testing::Not(HasSubstr("\033[")));
  EXPECT_THAT(on_terminal("TERM=dumb"), ::testing::Not(HasSubstr("\033[")));
}

TEST(CliPlugins, MatrixShowsWhatIsInstalledAndTheCore) {
  const ProcessResult result = run_trainer({"plugins", "matrix", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  std::map<std::string, std::string> verdicts;
  const auto json = nlohmann::json::parse(result.out);
  for (const auto& pair : json["pairs"]) {
    const std::string names = pair["plugins"][0].get<std::string>() + " " +
        pair["plugins"][1].get<std::string>();
    verdicts[names] = pair["verdict"];
    // A verdict on what does not exist yet is marked.
    EXPECT_EQ(pair["planned"], names.find("fsdp") != std::string::npos);
  }
  EXPECT_EQ(verdicts.at("bf16 fp32"), "either-or");
  EXPECT_EQ(verdicts.at("bf16 lora"), "ok");
  EXPECT_EQ(verdicts.at("fsdp lora"), "ok");
  EXPECT_THAT(
      run_trainer({"plugins", "matrix"}).out,
      ::testing::ContainsRegex("\nfsdp  +ok later  "));
}

// docs/compatibility.md reads the manifests in the tree; what is installed says
// the same.
TEST(CliPlugins, MatrixReadsManifestsThatAreNotBuilt) {
  const std::string seed = OCTET_SOURCE_DIR "/tests/fixtures/seed/";
  const ProcessResult result = run_trainer(
      {"plugins",
       "matrix",
       "--manifest",
       seed + "qat.toml",
       "--manifest",
       seed + "quantize.toml"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(
      result.out,
      ::testing::ContainsRegex("\nseed-qat +ok later +- +reject *\n"));
  EXPECT_THAT(
      result.out,
      HasSubstr("reject: seed-qat with seed-quantize: the weights are "
                "quantized already"));
}

TEST(CliPlugins, UnknownAction) {
  const ProcessResult result = run_plugins({"lst"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[trainer] expected trainer plugins with one of list, inspect, "
      "matrix, paths, doctor and new, found \"lst\"; did you mean list?\n");
}

} // namespace
} // namespace octet
