// The guard of the SDK's headers: tools/sdk_abi, on this tree and on copies of
// it with one change each.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace octet {
namespace {

namespace fs = std::filesystem;

int run(const fs::path& root, const std::string& argument) {
  const std::string command = "OCTET_ROOT='" + root.string() + "' '" +
      OCTET_SOURCE_DIR "/tools/sdk_abi' " + argument + " >/dev/null 2>&1";
  return std::system(command.c_str());
}

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// A copy of sdk/ that was recorded as it is.
class SdkCopy : public testing::Test {
 protected:
  SdkCopy() {
    std::string pattern = fs::temp_directory_path() / "octet-sdk-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::copy(
        OCTET_SOURCE_DIR "/sdk", root_ / "sdk", fs::copy_options::recursive);
    run(root_, "--update");
  }
  ~SdkCopy() override {
    fs::remove_all(root_);
  }

  fs::path header(const std::string& name) const {
    return root_ / "sdk" / "include" / "octet" / name;
  }
  void append(const std::string& name, const std::string& text) const {
    std::ofstream(header(name), std::ios::app) << text;
  }

  fs::path root_;
};

TEST(SdkAbi, HeadersAreThoseOfTheirNumber) {
  EXPECT_EQ(run(OCTET_SOURCE_DIR, "--check"), 0)
      << "a header of sdk/include/octet changed: run tools/sdk_abi --update";
}

TEST_F(SdkCopy, PassesUnchanged) {
  EXPECT_EQ(run(root_, "--check"), 0);
}

TEST_F(SdkCopy, AChangedHeaderFailsTheCheck) {
  append("site.h", "struct NewThing {};\n");
  EXPECT_NE(run(root_, "--check"), 0);
}

TEST_F(SdkCopy, ANewHeaderFailsTheCheck) {
  append("brand_new.h", "#pragma once\n");
  EXPECT_NE(run(root_, "--check"), 0);
}

TEST_F(SdkCopy, ACommentOrABlankLineDoesNot) {
  append("site.h", "\n// A word more.\n");
  EXPECT_EQ(run(root_, "--check"), 0);
}

TEST_F(SdkCopy, UpdateRaisesTheNumberOnceForAChange) {
  const std::string before = text_of(header("abi.h"));
  run(root_, "--update");
  EXPECT_EQ(text_of(header("abi.h")), before);
  append("site.h", "struct NewThing {};\n");
  run(root_, "--update");
  const std::string after = text_of(header("abi.h"));
  EXPECT_NE(after, before);
  EXPECT_EQ(run(root_, "--check"), 0);
  run(root_, "--update");
  EXPECT_EQ(text_of(header("abi.h")), after);
}

} // namespace
} // namespace octet
