// trainer plugins new: the folder appears whole, or not at all. That it builds
// and trains is shown by sdk_test.sh.
#include "tests/integration/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class CliPluginsNew : public ::testing::Test {
 protected:
  ProcessResult make(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"plugins", "new"});
    return run_trainer(arguments, folder_.path());
  }
  /// Names in the folder, hidden ones too.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      found.push_back(entry.path().filename());
    }
    return found;
  }
  std::string text(const std::string& file) const {
    std::ifstream in(folder_.path() / file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TemporaryFolder folder_;
};

TEST_F(CliPluginsNew, FillsInTheNameEverywhere) {
  for (const char* kind : {"precision", "feature"}) {
    const std::string name = std::string("my-") + kind;
    const ProcessResult result = make({name, "--kind", kind});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("cmake --build " + name + "/build"));
    EXPECT_THAT(
        text(name + "/plugin.toml"), HasSubstr("name = \"" + name + "\""));
    EXPECT_THAT(
        text(name + "/plugin.toml"),
        HasSubstr("kind = \"" + std::string(kind) + "\""));
    EXPECT_THAT(
        text(name + "/register.cpp"),
        HasSubstr("my_" + std::string(kind) + "_plugin::"));
    for (const auto& entry : fs::directory_iterator(folder_.path() / name)) {
      const std::string file = entry.path().filename();
      EXPECT_NE(entry.path().extension(), ".in");
      for (const char* left : {"@NAME", "@IDENT", "@PREFIX"}) {
        EXPECT_EQ(text(name + "/" + file).find(left), std::string::npos)
            << file;
      }
    }
  }
  EXPECT_EQ(names().size(), 2u);
}

// The build tree, in which this program lies, has no package to be found. What
// an installed one writes is looked at by sdk_test.sh.
TEST_F(CliPluginsNew, ABuildTreeIsNoPrefix) {
  for (const char* kind : {"precision", "feature"}) {
    const std::string name = std::string("my-") + kind;
    const ProcessResult result = make({name, "--kind", kind});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("-DCMAKE_PREFIX_PATH=PREFIX\n"));
    const std::string readme = text(name + "/README.md");
    EXPECT_THAT(readme, HasSubstr("-DCMAKE_PREFIX_PATH=PREFIX\n"));
    EXPECT_THAT(
        readme,
        HasSubstr("```\n\n`PREFIX` is the folder that `cmake --install BUILD "
                  "--prefix PREFIX` put Octet into.\n\nIn `run.toml`:\n"));
    EXPECT_EQ(readme.find(OCTET_BINARY_DIR), std::string::npos) << readme;
  }
}

TEST_F(CliPluginsNew, TellsEverythingThatIsWrongAndMakesNothing) {
  const ProcessResult result =
      make({"My Plugin", "--kind", "precison", "--directory", "none"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[plugins] cannot make this plugin:\n"
      "  - expected a name of at most 64 lower-case letters, digits, - and _ "
      "that starts with a letter, found \"My Plugin\"\n"
      "  - expected --kind precision or feature, found \"precison\"; did you "
      "mean precision?\n"
      "  - --directory: expected a folder, found none: none\n");
  EXPECT_THAT(names(), ::testing::IsEmpty());
}

TEST_F(CliPluginsNew, NamesThatCannotBeAreRefused) {
  for (const char* name : {"auto", "1st", "a.b", "../up", "a/b", "Abc", ""}) {
    EXPECT_EQ(make({name, "--kind", "feature"}).status, 2) << name;
  }
  EXPECT_EQ(make({"--kind", "feature"}).status, 2);
  EXPECT_EQ(make({"fine"}).status, 2);
  EXPECT_THAT(names(), ::testing::IsEmpty());
}

TEST_F(CliPluginsNew, WhatIsThereIsLeftAlone) {
  fs::create_directory(folder_.path() / "mine");
  folder_.write("mine/backend.cpp", "precious");
  const ProcessResult result = make({"mine", "--kind", "precision"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[plugins] expected a new folder, found something there: ./mine; choose "
      "another name or --directory\n");
  EXPECT_EQ(text("mine/backend.cpp"), "precious");
  EXPECT_THAT(names(), ::testing::ElementsAre("mine"));
}

TEST_F(CliPluginsNew, AFolderThatCannotBeWrittenLeavesNothing) {
  const ProcessResult result =
      make({"mine", "--kind", "precision", "--directory", "/proc"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("[plugins] cannot make /proc/mine: "));
}

TEST_F(CliPluginsNew, ANameThatIsTakenIsNoted) {
  const ProcessResult result = make(
      {"good-feature",
       "--kind",
       "feature",
       "--plugin-path",
       OCTET_BINARY_DIR "/tests/plugins"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(
      result.err,
      HasSubstr("the name good-feature is taken by " OCTET_BINARY_DIR));
}

} // namespace
} // namespace octet
