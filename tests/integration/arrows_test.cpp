// Which folder may include which (arrows.txt), checked on the whole tree; and
// the checker itself on forged files, so that it is known to see something.
#include "tests/integration/arrows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace octet::arrows {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path kSource = OCTET_SOURCE_DIR;

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

Table table() {
  return parse_table(read(kSource / "tests/integration/arrows.txt"));
}

std::vector<std::string> source_files() {
  std::vector<std::string> files;
  for (const char* top : {"core", "sdk", "plugins", "tools", "tests"}) {
    if (!fs::exists(kSource / top)) {
      continue; // core/ must stand without plugins/
    }
    for (const auto& entry : fs::recursive_directory_iterator(kSource / top)) {
      const std::string extension = entry.path().extension();
      if (extension == ".h" || extension == ".cpp") {
        files.push_back(fs::relative(entry.path(), kSource));
      }
    }
  }
  return files;
}

TEST(Arrows, NoFileIncludesWhatItsFolderMayNot) {
  const std::vector<std::string> files = source_files();
  ASSERT_GT(files.size(), 30u);
  for (const std::string& file : files) {
    if (file == "core/torch_pch.h") {
      continue; // belongs to the build, not to a folder
    }
    EXPECT_THAT(check_file(file, read(kSource / file), table()), IsEmpty());
  }
}

TEST(Arrows, EveryFolderOfCoreHasARow) {
  for (const auto& entry : fs::directory_iterator(kSource / "core")) {
    if (entry.is_directory()) {
      const std::string folder = fs::relative(entry.path(), kSource);
      EXPECT_TRUE(table().count(folder)) << folder;
    }
  }
}

TEST(Arrows, OnlyProgramsAndTestsMayIncludeTrain) {
  const std::string text = "#include \"core/train/train_library.h\"\n";
  for (const auto& [folder, names] : table()) {
    const bool allowed = folder == "core/train" || folder == "tools" ||
        folder == "sdk/conformance" || folder == "tests";
    EXPECT_EQ(check_file(folder + "/x.cpp", text, table()).empty(), allowed)
        << folder;
  }
}

TEST(Arrows, PluginsAndSdkNeverIncludeCore) {
  const std::string text = "#include <vector>\n#include \"core/io/a.h\"\n";
  EXPECT_THAT(
      check_file("plugins/lora/a.cpp", text, table()),
      ElementsAre(
          "plugins/lora/a.cpp:2: plugins must not include core/io/a.h"));
  EXPECT_THAT(
      check_file("sdk/include/octet/a.h", text, table()),
      ElementsAre(HasSubstr("sdk must not include core/io/a.h")));
}

TEST(Arrows, CoreNeverIncludesAPlugin) {
  for (const char* text :
       {"#include \"plugins/lora/lora.h\"", "#  include <plugins/lora/x.h>"}) {
    EXPECT_THAT(
        check_file("core/train/a.cpp", text, table()), testing::SizeIs(1))
        << text;
  }
}

TEST(Arrows, FoldersOfOctetBaseMayNotIncludeLibTorch) {
  const std::string text = "#include <ATen/core/Tensor.h>\n";
  EXPECT_THAT(check_file("core/ops/a.h", text, table()), IsEmpty());
  for (const char* folder :
       {"base",
        "config",
        "data",
        "io",
        "plugin",
        "report",
        "resolve",
        "spec",
        "text"}) {
    const std::string file = std::string("core/") + folder + "/a.h";
    EXPECT_THAT(check_file(file, text, table()), testing::SizeIs(1)) << folder;
  }
}

TEST(Arrows, ASingleAllowedHeaderDoesNotOpenItsFolder) {
  const std::string file = "core/model/a.h";
  EXPECT_THAT(
      check_file(file, "#include \"core/data/batch.h\"", table()), IsEmpty());
  EXPECT_THAT(
      check_file(file, "#include \"core/data/loader.h\"", table()),
      testing::SizeIs(1));
}

TEST(Arrows, IncludesAreWrittenFromTheRoot) {
  EXPECT_THAT(
      check_file("core/io/a.cpp", "#include \"gguf.h\"", table()),
      ElementsAre(HasSubstr("not written from the root")));
  EXPECT_THAT(
      check_file("core/new/a.cpp", "", table()),
      ElementsAre(HasSubstr("no row")));
}

TEST(Arrows, ABrokenTableIsToldWithItsLine) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      parse_table(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message("# note\ncore/io core/base\n"), HasSubstr("line 2"));
  EXPECT_THAT(message("a -> b\na -> c\n"), HasSubstr("second row of a"));
}

} // namespace
} // namespace octet::arrows
