// OCTET_PLUGIN_PATH: what it may name.
#include "core/base/problems.h"
#include "core/plugin/catalog.h"
#include "tests/core/plugin/zoo.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace octet {
namespace {

using testing::HasSubstr;

class PluginPath : public testing::Test {
 protected:
  ~PluginPath() override {
    ::unsetenv("OCTET_PLUGIN_PATH");
  }
  static void set(const std::string& value) {
    ::setenv("OCTET_PLUGIN_PATH", value.c_str(), 1);
  }
  static ExitCode code() {
    try {
      plugin_folders({}, {});
    } catch (const Failure& failure) {
      return failure.code();
    }
    return ExitCode::success;
  }
};

TEST_F(PluginPath, RelativeFoldersAreAMistakeOfTheCommandLine) {
  for (const char* value : {".", "..", "plugins", "./plugins", "/tmp:."}) {
    set(value);
    EXPECT_EQ(code(), ExitCode::usage) << value;
  }
  set(".");
  EXPECT_EQ(
      zoo::message_of([] { plugin_folders({}, {}); }),
      "[plugins] expected absolute folders in OCTET_PLUGIN_PATH, found \".\"; "
      "write it from the root, or use --plugin-path");
}

TEST_F(PluginPath, AllRelativeFoldersAreToldAtOnce) {
  set("one:/tmp:two/");
  const std::string message = zoo::message_of([] { plugin_folders({}, {}); });
  EXPECT_THAT(message, HasSubstr("found \"one\""));
  EXPECT_THAT(message, HasSubstr("found \"two/\""));
}

TEST_F(PluginPath, IsNotReadWhereTheInstalledFolderAloneCounts) {
  set(".");
  EXPECT_EQ(plugin_folders({}, {}, /*third_party=*/false).size(), 1u);
}

// Those are relative to where the user types them or to run.toml.
TEST_F(PluginPath, FoldersOfTheCommandLineMayBeRelative) {
  EXPECT_EQ(plugin_folders({"."}, {}).size(), 2u);
}

} // namespace
} // namespace octet
