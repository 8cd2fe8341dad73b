// Pins: the digest of a plugin's file, when the catalog is built and around
// loading. The digests come from sha256sum.
#include "core/plugin/pins.h"

#include "core/base/problems.h"
#include "core/plugin/loaded_plugin.h"
#include "tests/core/plugin/zoo.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdio>
#include <thread>

namespace octet {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using zoo::message_of;

const SourcePlace kPlace = {"run.toml", 9};

std::string sha256sum(const fs::path& file) {
  FILE* pipe = ::popen(("sha256sum " + file.string()).c_str(), "r");
  char digest[65] = {};
  const bool read = pipe != nullptr && std::fscanf(pipe, "%64s", digest) == 1;
  if (pipe != nullptr) {
    ::pclose(pipe);
  }
  return read ? "sha256:" + std::string(digest) : "sha256sum failed";
}

const std::string kOther = "sha256:" + std::string(64, '0');

Catalog
pinned(const zoo::Folder& folder, const std::string& name, std::string pin) {
  return build_catalog(
      {{folder.path(), "--plugin-path"}}, {{name, std::move(pin)}});
}

TEST(Pins, TheRightDigestChangesNothing) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature");
  const Catalog catalog = pinned(folder, "good-feature", sha256sum(file));
  ASSERT_NE(catalog.find("good-feature"), nullptr);
  EXPECT_NO_THROW(
      require_pins(catalog, {{"good-feature", sha256sum(file)}}, kPlace));
}

TEST(Pins, AnotherDigestRejectsTheFileWithBothDigestsAndTheWayOut) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature");
  const Catalog catalog = pinned(folder, "good-feature", kOther);
  EXPECT_EQ(catalog.find("good-feature"), nullptr);
  const CatalogEntry& entry = catalog.entries.at(0);
  EXPECT_EQ(entry.status, PluginStatus::rejected);
  EXPECT_EQ(
      entry.reason,
      "[plugins.pin] expects " + kOther + ", found " + sha256sum(file) +
          "; if you put another version there, pin its digest; if not, put the "
          "pinned file back");
  EXPECT_THAT(
      message_of([&] {
        require_pins(catalog, {{"good-feature", kOther}}, kPlace);
      }),
      AllOf(
          HasSubstr(
              "plugins.pin.good-feature (run.toml:9): plugin "
              "good-feature (" +
              file.string() + ") cannot be used"),
          HasSubstr(kOther),
          HasSubstr(sha256sum(file))));
}

// One byte behind everything that the loader reads.
TEST(Pins, NoticeASingleByte) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature");
  const std::string pin = sha256sum(file);
  zoo::write_bytes(file, zoo::bytes_of(file) + "x");
  EXPECT_EQ(pinned(folder, "good-feature", pin).find("good-feature"), nullptr);
}

TEST(Pins, ThePinnedFileIsTakenBehindAnotherOfThatName) {
  zoo::Folder first, second;
  const fs::path wrong = first.add("good_feature");
  zoo::write_bytes(wrong, zoo::bytes_of(wrong) + "x");
  const fs::path right = second.add("good_feature");
  const Catalog catalog = build_catalog(
      {{first.path(), "--plugin-path"}, {second.path(), "run.toml"}},
      {{"good-feature", sha256sum(right)}});
  ASSERT_NE(catalog.find("good-feature"), nullptr);
  EXPECT_EQ(catalog.find("good-feature")->path, right);
}

// It has no digest, and must not keep the pinned file from being taken.
TEST(Pins, AFileThatCannotBeReadTakesTheNameFromNoOther) {
  zoo::Folder first, second;
  fs::create_symlink("nowhere", first.path() / "good-feature.so");
  const fs::path right = second.add("good_feature");
  const Catalog catalog = build_catalog(
      {{first.path(), "--plugin-path"}, {second.path(), "run.toml"}},
      {{"good-feature", sha256sum(right)}});
  ASSERT_NE(catalog.find("good-feature"), nullptr);
  EXPECT_EQ(catalog.find("good-feature")->path, right);
  EXPECT_EQ(catalog.entries.at(0).status, PluginStatus::rejected);
  EXPECT_THAT(catalog.entries.at(0).reason, HasSubstr("cannot be opened"));
}

TEST(Pins, AnUnknownNameIsAnErrorWithTheNearest) {
  zoo::Folder folder;
  folder.add("good_feature");
  const Catalog catalog = folder.catalog();
  EXPECT_EQ(
      message_of([&] {
        require_pins(
            catalog, {{"good-featur", kOther}, {"zzz", kOther}}, kPlace);
      }),
      "[plugins] pins do not hold:\n"
      "  - plugins.pin.good-featur (run.toml:9): there is no plugin "
      "good-featur; did you mean good-feature?\n"
      "  - plugins.pin.zzz (run.toml:9): there is no plugin zzz; remove the "
      "line");
}

TEST(Pins, AKnownPluginThatIsNotHereIsNamedWithHowToGetIt) {
  Catalog catalog;
  catalog.known = {{"far", PluginKind::feature, "away", "plugins/far"}};
  EXPECT_THAT(
      message_of([&] {
        require_pins(catalog, {{"far", kOther}}, kPlace);
      }),
      HasSubstr("plugin far is not installed here; it belongs to Octet and is "
                "built from plugins/far"));
}

// File systems keep times by the tick of a clock: a change within one tick of
// the check would show in neither.
void wait_for_the_clock() {
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
}

TEST(Pins, AFileThatIsReplacedAfterTheCheckIsNotLoaded) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature", "replaced");
  const Catalog catalog = pinned(folder, "good-feature", sha256sum(file));
  const std::string bytes = zoo::bytes_of(file);
  wait_for_the_clock();
  fs::remove(file);
  zoo::write_bytes(file, bytes);
  EXPECT_THAT(
      message_of([&] { load_plugin(*catalog.find("good-feature")); }),
      HasSubstr("found one that was replaced or written to since"));
}

TEST(Pins, AFileThatIsWrittenToAfterTheCheckIsNotLoaded) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature", "written");
  const Catalog catalog = pinned(folder, "good-feature", sha256sum(file));
  wait_for_the_clock();
  zoo::write_bytes(file, zoo::bytes_of(file));
  EXPECT_THAT(
      message_of([&] { load_plugin(*catalog.find("good-feature")); }),
      HasSubstr("found one that was replaced or written to since"));
}

TEST(Pins, WhatIsMappedMustBeTheFileThatWasDigested) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature", "mapped");
  const Catalog catalog = pinned(folder, "good-feature", sha256sum(file));
  CatalogEntry entry = *catalog.find("good-feature");
  EXPECT_NO_THROW(load_plugin(entry));
  // An address of this program is none of the plugin's.
  EXPECT_THAT(
      message_of([&] { require_pinned_mapping(entry, &kPlace); }),
      HasSubstr("loaded; something replaced the file meanwhile"));
}

} // namespace
} // namespace octet
