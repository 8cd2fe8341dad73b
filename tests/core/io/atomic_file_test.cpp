// Files and folders that are whole or absent.
#include "core/io/atomic_file.h"

#include "core/io/digest.h"

#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>

#include <csignal>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace octet {
namespace {

using ::testing::AllOf;
using testing::failure_of;
using testing::get;
using ::testing::HasSubstr;
using testing::put;
using testing::TempFolder;

size_t entries(const std::filesystem::path& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(folder)) {
    ++count;
  }
  return count;
}

TEST(AtomicFile, ReplacesAFile) {
  const TempFolder folder;
  put(folder / "a", "old");
  write_file_atomically(folder / "a", "new text");
  EXPECT_EQ(get(folder / "a"), "new text");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFile, LeavesTheOldFileWithoutCommit) {
  const TempFolder folder;
  put(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write(0, std::as_bytes(std::span("half", 4)));
    EXPECT_EQ(get(folder / "a"), "old");
  }
  EXPECT_EQ(get(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFile, NamesAMissingFolder) {
  const TempFolder folder;
  EXPECT_THAT(
      failure_of([&] { write_file_atomically(folder / "no/a", "x"); }),
      AllOf(HasSubstr("[files]"), HasSubstr("no/a: No such file")));
}

TEST(AtomicFile, SaysThatTheDiskIsFull) {
  const int fd = ::open("/dev/full", O_WRONLY);
  ASSERT_GE(fd, 0);
  const std::string message = failure_of([&] {
    write_fully(
        fd,
        0,
        std::as_bytes(std::span("text", 4)),
        "out/model.safetensors",
        "The last checkpoint is whole.");
  });
  ::close(fd);
  EXPECT_THAT(
      message,
      AllOf(
          HasSubstr(
              "expected to write out/model.safetensors: the disk is full"),
          HasSubstr("free some space"),
          HasSubstr("The last checkpoint is whole.")));
}

/// Runs `body` in a child, whose exit status says whether it was true.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(body() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(AtomicFile, LeavesTheOldFileWhenAWriteFailsHalfway) {
  const TempFolder folder;
  put(folder / "a", "old");
  EXPECT_TRUE(in_child([&] {
    // The kernel ends a write at this size as it would on a full disk.
    const rlimit limit = {1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, SIG_IGN);
    const std::string message = failure_of(
        [&] { write_file_atomically(folder / "a", std::string(5000, 'x')); });
    return message.find("ulimit -f") != std::string::npos &&
        message.find("What stood there before is unchanged.") !=
        std::string::npos;
  }));
  EXPECT_EQ(get(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFile, LeavesTheOldFileOnAFullFileSystem) {
  const TempFolder folder;
  if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "this user cannot mount a small file system";
  }
  put(folder / "a", "old");
  const std::string message = failure_of(
      [&] { write_file_atomically(folder / "a", std::string(500'000, 'x')); });
  const std::string left = get(folder / "a");
  const size_t count = entries(folder.path());
  ::umount(folder.path().c_str());
  EXPECT_THAT(message, HasSubstr("the disk is full; free some space"));
  EXPECT_EQ(left, "old");
  EXPECT_EQ(count, 1u);
}

TEST(AtomicFile, SaysThatAFolderIsReadOnly) {
  const TempFolder folder;
  std::filesystem::permissions(
      folder.path(),
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  // Root may write anywhere, so the child gives its rights away.
  EXPECT_TRUE(in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) {
      return false;
    }
    const std::string message =
        failure_of([&] { write_file_atomically(folder / "a", "x"); });
    return message.find(
               "the folder is not writable; choose a folder that you "
               "may write to. Nothing was left behind.") != std::string::npos;
  }));
  std::filesystem::permissions(
      folder.path(), std::filesystem::perms::owner_all);
}

TEST(AtomicFolder, AppearsWholeAtCommit) {
  const TempFolder folder;
  AtomicFolder made(folder / "deep/er/x");
  put(made.temporary() / "a", "1");
  EXPECT_FALSE(std::filesystem::exists(folder / "deep/er/x"));
  made.commit();
  EXPECT_EQ(get(folder / "deep/er/x/a"), "1");
  EXPECT_EQ(entries(folder / "deep/er"), 1u);
}

TEST(AtomicFolder, ReplacesAFolderThatHasFiles) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "x");
  put(folder / "x/old", "0");
  AtomicFolder made(folder / "x/");
  put(made.temporary() / "new", "1");
  made.commit();
  EXPECT_EQ(get(folder / "x/new"), "1");
  EXPECT_EQ(entries(folder / "x"), 1u);
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFolder, LeavesNothingWithoutCommit) {
  const TempFolder folder;
  {
    AtomicFolder made(folder / "x");
    put(made.temporary() / "a", "1");
  }
  EXPECT_EQ(entries(folder.path()), 0u);
}

TEST(AtomicFolder, RefusesToReplaceAFile) {
  const TempFolder folder;
  put(folder / "x", "a file");
  AtomicFolder made(folder / "x");
  EXPECT_THAT(
      failure_of([&] { made.commit(); }),
      HasSubstr("What stood there before is unchanged."));
  EXPECT_EQ(get(folder / "x"), "a file");
}

TEST(Digest, IsThatOfSha256sum) {
  const TempFolder folder;
  put(folder / "a", "abc");
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(
      sha256_of_file(folder / "a"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  put(folder / "a", std::string(3'000'000, 'a'));
  EXPECT_NE(sha256_of_file(folder / "a"), "");
}

} // namespace
} // namespace octet
