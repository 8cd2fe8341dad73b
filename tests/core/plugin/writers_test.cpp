// Files and folders that every user can write, anywhere on the way to a plugin.
#include "core/plugin/writers.h"
#include "tests/core/plugin/zoo.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace fs = std::filesystem;

void open(const fs::path& path) {
  fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
}

void make_sticky(const fs::path& path) {
  fs::permissions(path, fs::perms::sticky_bit, fs::perm_options::add);
}

class Writers : public testing::Test {
 protected:
  Writers() {
    fs::create_directories(inner());
    zoo::write_bytes(file(), "");
  }
  fs::path inner() const {
    return top() / "a" / "b";
  }
  fs::path file() const {
    return inner() / "plugin.so";
  }
  fs::path top() const {
    return folder_.path();
  }

 private:
  zoo::Folder folder_; // in /tmp, which everybody can write and is sticky
};

TEST_F(Writers, NothingIsOpenAsItWasMade) {
  EXPECT_THAT(paths_open_to_everybody(file()), IsEmpty());
  EXPECT_EQ(writers_problem(file()), "");
}

TEST_F(Writers, TheFileItself) {
  open(file());
  EXPECT_EQ(
      writers_problem(file()),
      file().string() + " can be written by every user; run chmod o-w " +
          file().string());
}

TEST_F(Writers, EveryFolderAboveItFromTheRootDown) {
  open(top());
  open(inner());
  EXPECT_THAT(paths_open_to_everybody(file()), ElementsAre(top(), inner()));
  EXPECT_EQ(
      writers_problem(file()),
      top().string() + " can be written by every user; run chmod o-w " +
          top().string() + "\n" + inner().string() +
          " can be written by every user; run chmod o-w " + inner().string());
}

TEST_F(Writers, AStickyFolderMayBeAboveButMayNotHoldTheFile) {
  open(top() / "a");
  make_sticky(top() / "a");
  EXPECT_THAT(paths_open_to_everybody(file()), IsEmpty());
  open(inner());
  make_sticky(inner());
  EXPECT_THAT(paths_open_to_everybody(file()), ElementsAre(inner()));
}

TEST_F(Writers, OnBothSidesOfALinkToTheFile) {
  fs::create_directories(top() / "links" / "more");
  const fs::path first = top() / "links" / "first.so";
  const fs::path second = top() / "links" / "more" / "second.so";
  fs::create_symlink("more/second.so", first);
  fs::create_symlink(file(), second);
  EXPECT_THAT(paths_open_to_everybody(first), IsEmpty());
  for (const fs::path& path :
       {top() / "links", top() / "links" / "more", top() / "a", file()}) {
    const fs::perms before = fs::status(path).permissions();
    open(path);
    EXPECT_THAT(paths_open_to_everybody(first), ElementsAre(path));
    fs::permissions(path, before);
  }
}

TEST_F(Writers, OnBothSidesOfALinkToAFolder) {
  fs::create_directories(top() / "links");
  fs::create_symlink("../a", top() / "links" / "folder");
  const fs::path path = top() / "links" / "folder" / "b" / "plugin.so";
  EXPECT_THAT(paths_open_to_everybody(path), IsEmpty());
  open(top() / "links");
  open(top() / "a");
  EXPECT_THAT(
      paths_open_to_everybody(path), ElementsAre(top() / "links", top() / "a"));
}

TEST_F(Writers, LinksInACircleAndMissingFilesEndTheWalk) {
  fs::create_symlink(top() / "two", top() / "one");
  fs::create_symlink(top() / "one", top() / "two");
  EXPECT_THAT(paths_open_to_everybody(top() / "one" / "x.so"), IsEmpty());
  open(top() / "a");
  EXPECT_THAT(
      paths_open_to_everybody(inner() / "none" / "x.so"),
      ElementsAre(top() / "a"));
}

// Whoever can write above the trainer needs no plugin.
TEST_F(Writers, WhatIsAlsoAboveTheTrainerIsLeftOut) {
  const fs::path trainer = top() / "a" / "lib";
  fs::create_directories(trainer);
  open(top());
  open(inner());
  EXPECT_EQ(
      writers_problem(file(), trainer),
      inner().string() + " can be written by every user; run chmod o-w " +
          inner().string());
  open(trainer);
  open(trainer.parent_path());
  fs::permissions(inner(), fs::perms::others_write, fs::perm_options::remove);
  EXPECT_EQ(writers_problem(file(), trainer), "");
}

TEST_F(Writers, APluginBelowAnOpenFolderIsRejected) {
  fs::copy_file(zoo::file("good_feature"), inner() / "good.so");
  open(top());
  const CatalogEntry entry = inspect_file(inner() / "good.so", "test");
  EXPECT_EQ(entry.status, PluginStatus::rejected);
  EXPECT_EQ(entry.reason, writers_problem(inner() / "good.so"));
}

} // namespace
} // namespace octet
