// An installation that lacks plugins of Octet: links to this build's libraries
// in a folder with fewer plugins. The list, inspect and a run name the missing
// one and say how to get it.
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHowToGet =
    "plugin lora is not installed here; it belongs to Octet and is built from "
    "plugins/lora (`ninja -C build lora_plugin` in Octet's source tree; "
    "tools/setup says what is missing for it)";

class MissingPlugin : public TrainRun {
 protected:
  void SetUp() override {
    TrainRun::SetUp();
    const fs::path built = OCTET_BINARY_DIR "/lib/octet";
    fs::create_directories(installed() / "plugins");
    for (const char* file :
         {"liboctet_base.so", "liboctet_train.so", "known_plugins.json"}) {
      fs::create_symlink(built / file, installed() / file);
    }
    fs::create_symlink(
        built / "plugins/fp32.so", installed() / "plugins/fp32.so");
  }

  fs::path installed() const {
    return folder() / "installed";
  }
  ProcessResult trainer(const std::vector<std::string>& arguments) const {
    return run_trainer(
        arguments, folder(), {"LD_LIBRARY_PATH=" + installed().string()});
  }
};

TEST_F(MissingPlugin, IsListedAndPointsToInspect) {
  const ProcessResult result = trainer({"plugins", "list"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(
      result.out, ContainsRegex("\nlora +feature +- +missing +- +Low-rank"));
  EXPECT_THAT(
      result.out,
      ContainsRegex("\nfp32 +precision +[0-9.]+ +ready +installed"));
  EXPECT_THAT(
      result.out,
      HasSubstr("\nA missing plugin belongs to Octet but is not installed "
                "here; `trainer plugins\ninspect NAME` says how to get it.\n"));
  const ProcessResult json = trainer({"plugins", "list", "--json"});
  for (const auto& plugin : nlohmann::json::parse(json.out)) {
    if (plugin["name"] == "lora") {
      EXPECT_EQ(plugin["status"], "missing");
      EXPECT_EQ(plugin["reason"], kHowToGet);
      return;
    }
  }
  ADD_FAILURE() << json.out;
}

TEST_F(MissingPlugin, InspectAndDoctorSayHowToGetIt) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"inspect", "lora"},
        {"inspect", "lora", "--exists"},
        {"doctor", "lora"}}) {
    std::vector<std::string> arguments = {"plugins"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    const ProcessResult result = trainer(arguments);
    EXPECT_EQ(result.status, 3);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "[plugins] " + kHowToGet + "\n");
  }
}

TEST_F(MissingPlugin, ARunThatNamesItEndsBeforeAnythingIsRead) {
  const ProcessResult result = trainer({"--config", "run.toml"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.err, HasSubstr("[resolve] [features.lora] ("));
  EXPECT_THAT(result.err, HasSubstr(": " + kHowToGet + "\n"));
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(MissingPlugin, BothOfTwoAreTold) {
  const ProcessResult result =
      trainer({"--config", "run.toml", "--set", "precision.backend=bf16"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.err, HasSubstr(kHowToGet));
  EXPECT_THAT(
      result.err,
      HasSubstr("plugin bf16 is not installed here; it belongs to Octet and is "
                "built from plugins/bf16"));
}

// A name that Octet does not know either is a typing mistake, not a plugin to
// get.
TEST_F(MissingPlugin, AnUnknownNameIsNoMissingPlugin) {
  const ProcessResult result = trainer({"plugins", "inspect", "lorra"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, Not(HasSubstr("not installed here")));
}

} // namespace
} // namespace octet
