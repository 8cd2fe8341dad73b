// Runs that cannot go on say why, with the right exit status, and leave
// nothing half done.
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

#include <cstring>
#include <fstream>

#include <sys/mount.h>
#include <unistd.h>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class TrainFailure : public TrainRun {
 protected:
  size_t checkpoints() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(run())) {
      const std::string name = entry.path().filename();
      EXPECT_THAT(name, Not(HasSubstr(".partial")));
      count += name.starts_with("checkpoint-") ? 1 : 0;
    }
    return count;
  }
};

TEST_F(TrainFailure, NotANumberInTheWeightsStopsBeforeTheUpdate) {
  broken_model();
  const ProcessResult result = train(with_settings({"model.path=model"}));
  EXPECT_EQ(result.status, 5) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("step 1"));
  EXPECT_THAT(result.err, HasSubstr("nan"));
  EXPECT_THAT(result.err, HasSubstr("no checkpoint yet"));
  EXPECT_EQ(checkpoints(), 0u);
  EXPECT_THAT(
      events("end").at(0)["outcome"].get<std::string>(), HasSubstr("nan"));
}

TEST_F(TrainFailure, DivergenceNamesTheLastCheckpointAndKeepsIt) {
  fs::copy(tiny_model(), folder() / "model");
  ASSERT_EQ(
      train(with_settings({"model.path=model", "train.max_steps=2"})).status,
      0);
  broken_model();
  const ProcessResult result = train(
      {"--resume", "--set", "model.path=model", "--set", "train.max_steps=4"});
  EXPECT_EQ(result.status, 5) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("step 3"));
  EXPECT_THAT(result.err, HasSubstr("checkpoint-2"));
  EXPECT_THAT(result.err, HasSubstr("train.learning_rate"));
  EXPECT_EQ(checkpoints(), 1u);
}

TEST_F(TrainFailure, OutputThatCannotBeCreatedSaysSo) {
  // Not even root may create folders in /sys.
  const ProcessResult result =
      train(with_settings({"run.output=/sys/octet-run"}));
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("/sys/octet-run"));
  EXPECT_THAT(result.err, HasSubstr("run.output"));
}

TEST_F(TrainFailure, FileThatOutgrowsItsLimitKeepsTheCheckpointsBefore) {
  // The limit on file sizes is the full disk that needs no rights.
  ASSERT_EQ(train(with_settings({"train.max_steps=2"})).status, 0);
  fs::remove_all(run() / "model");
  const ProcessResult result = run_shell(
      "trap '' XFSZ; cd " + folder().string() +
      " && ulimit -f 16 && $TRAINER --config run.toml --resume "
      "--set train.max_steps=4");
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("checkpoint-4"));
  EXPECT_EQ(checkpoints(), 1u);
  EXPECT_TRUE(fs::exists(run() / "checkpoint-2" / "manifest.json"));
  EXPECT_EQ(train({"--resume", "--set", "train.max_steps=4"}).status, 0);
  EXPECT_EQ(checkpoints(), 2u);
}

TEST_F(TrainFailure, FullDiskKeepsTheCheckpointsBefore) {
  fs::create_directories(run());
  if (::mount("octet", run().c_str(), "tmpfs", 0, "size=300k") != 0) {
    GTEST_SKIP() << "no right to mount a small disk: " << std::strerror(errno);
  }
  const ProcessResult result = train(with_settings(
      {"checkpoint.every=1", "checkpoint.keep=0", "train.epochs=20"}));
  const size_t whole = checkpoints();
  const bool first = fs::exists(run() / "checkpoint-1" / "manifest.json");
  ::umount2(run().c_str(), MNT_DETACH);
  EXPECT_EQ(result.status, 1) << result.out;
  EXPECT_THAT(result.err, HasSubstr("disk is full"));
  EXPECT_GE(whole, 1u);
  EXPECT_TRUE(first);
}

TEST_F(TrainFailure, SecondTrainerOfARunIsRefused) {
  const ProcessResult result = run_shell(
      "cd " + folder().string() +
      "; $TRAINER --config run.toml --set train.epochs=100000 > first.txt & "
      "pid=$!; for i in $(seq 600); do grep -qs '\"event\":\"step\"' "
      "run/events.jsonl && break; sleep 0.1; done; "
      "$TRAINER --config run.toml --resume; status=$?; "
      "kill -INT $pid; wait $pid; exit $status");
  EXPECT_EQ(result.status, 2) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("another trainer"));
}

TEST_F(TrainFailure, ResumeOfNothingSaysSo) {
  const ProcessResult result = train({"--resume"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("no such folder"));
  EXPECT_FALSE(fs::exists(run()));
}

} // namespace
} // namespace octet
