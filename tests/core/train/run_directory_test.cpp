// Who may use a run directory.
#include "core/train/run_directory.h"

#include "core/base/problems.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace octet {
namespace {

namespace fs = std::filesystem;

class RunDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() /
        ("octet_run_directory_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
    run_ = root_ / "run";
  }
  void TearDown() override {
    fs::permissions(root_, fs::perms::owner_all);
    fs::remove_all(root_);
  }
  void write(const fs::path& path, const std::string& text = "") const {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  /// The message with which opening fails; "" when it does not.
  std::string refusal(bool resume) const {
    try {
      RunDirectory directory(run_, resume);
      return "";
    } catch (const Failure& failure) {
      return failure.what();
    }
  }
  fs::path root_, run_;
};

TEST_F(RunDirectoryTest, NewFolderIsMadeWithItsParents) {
  const RunDirectory directory(run_ / "deep" / "er", false);
  EXPECT_TRUE(fs::is_directory(run_ / "deep" / "er"));
}

TEST_F(RunDirectoryTest, FolderOfARunIsOnlyTakenByResume) {
  write(run_ / "events.jsonl", "{\"event\":\"step\",\"step\":1,\"loss\":2}\n");
  EXPECT_NE(refusal(false).find("--resume"), std::string::npos);
  EXPECT_TRUE(fs::exists(run_ / "events.jsonl"));
  EXPECT_EQ(refusal(true), "");
}

TEST_F(RunDirectoryTest, CheckpointAloneMakesItARun) {
  fs::create_directories(run_ / "checkpoint-5");
  EXPECT_NE(refusal(false).find("holds a run"), std::string::npos);
}

TEST_F(RunDirectoryTest, RunThatNeverDidAStepIsStartedOver) {
  write(run_ / "events.jsonl", "{\"event\":\"start\"}\n");
  write(run_ / "resolution.json", "{}");
  EXPECT_EQ(refusal(false), "");
  EXPECT_FALSE(fs::exists(run_ / "events.jsonl"));
}

TEST_F(RunDirectoryTest, FilesOfTheUserAreNeverTouched) {
  write(run_ / "thesis.txt", "years of work");
  const std::string text = refusal(false);
  EXPECT_NE(text.find("thesis.txt"), std::string::npos) << text;
  EXPECT_TRUE(fs::exists(run_ / "thesis.txt"));
}

TEST_F(RunDirectoryTest, ResumeOfNothingSaysSo) {
  EXPECT_NE(refusal(true).find("no such folder"), std::string::npos);
  EXPECT_FALSE(fs::exists(run_));
}

TEST_F(RunDirectoryTest, SecondTrainerIsRefusedWithTheFirstOnesProcess) {
  const RunDirectory first(run_, false);
  const std::string text = refusal(true);
  EXPECT_NE(text.find("another trainer"), std::string::npos) << text;
  EXPECT_NE(text.find(std::to_string(::getpid())), std::string::npos) << text;
}

TEST_F(RunDirectoryTest, LockGoesWithTheTrainerEvenWhenItIsKilled) {
  const pid_t child = ::fork();
  if (child == 0) {
    const RunDirectory directory(run_, false);
    ::_exit(0); // no destructor runs, as after SIGKILL
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(fs::exists(run_ / "run.lock"));
  EXPECT_EQ(refusal(false), "");
}

TEST_F(RunDirectoryTest, LeftoversOfAKilledSaveAreRemoved) {
  write(run_ / ".checkpoint-3.partial-123-0" / "model.safetensors", "half");
  const RunDirectory directory(run_, false);
  EXPECT_FALSE(fs::exists(run_ / ".checkpoint-3.partial-123-0"));
}

TEST_F(RunDirectoryTest, ReadOnlyFolderIsAFailureThatSaysWhatToDo) {
  fs::permissions(root_, fs::perms::owner_read | fs::perms::owner_exec);
  // Root may write everywhere, so the child drops that right.
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) {
      ::_exit(2);
    }
    const std::string text = refusal(false);
    const bool sent = ::write(channel[1], text.data(), text.size()) >= 0;
    ::_exit(sent ? 0 : 1);
  }
  ::close(channel[1]);
  std::string text(4096, '\0');
  const ssize_t length = ::read(channel[0], text.data(), text.size());
  ::close(channel[0]);
  ::waitpid(child, nullptr, 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, length)));
  EXPECT_NE(text.find("run.output"), std::string::npos) << text;
  EXPECT_NE(text.find(run_.string()), std::string::npos) << text;
}

TEST_F(RunDirectoryTest, CheckpointsAreListedNewestFirstByNumber) {
  for (const char* name :
       {"checkpoint-9",
        "checkpoint-100",
        "checkpoint-20",
        "checkpoint-x",
        "checkpoint-",
        "checkpoint-7.old"}) {
    fs::create_directories(run_ / name);
  }
  std::vector<int64_t> steps;
  for (const CheckpointFolder& folder : list_checkpoints(run_)) {
    steps.push_back(folder.step);
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{100, 20, 9}));
}

} // namespace
} // namespace octet
