// Nothing is lost: interrupted and resumed runs are the run that was never
// stopped, bit for bit.
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

#include <fstream>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class TrainResume : public TrainRun {
 protected:
  /// The newest checkpoint of a run directory.
  static fs::path newest(const fs::path& run) {
    int64_t best = -1;
    for (const auto& entry : fs::directory_iterator(run)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("checkpoint-")) {
        best = std::max<int64_t>(best, std::stoll(name.substr(11)));
      }
    }
    return run / ("checkpoint-" + std::to_string(best));
  }
  /// Keeps of a finished run what a crash after `step` would have left.
  void crash_after(int64_t step) const {
    const fs::path kept = "checkpoint-" + std::to_string(step);
    for (const auto& entry : fs::directory_iterator(run())) {
      const std::string name = entry.path().filename();
      if ((name.starts_with("checkpoint-") && name != kept) ||
          name == "model") {
        fs::remove_all(entry.path());
      }
    }
  }
  /// Weights and optimizer of two runs, byte by byte.
  static void expect_same_end(
      const fs::path& a,
      const fs::path& b,
      const std::string& weights) {
    for (const std::string& name :
         {std::string("optimizer.safetensors"), weights}) {
      EXPECT_EQ(file_bytes(newest(a) / name), file_bytes(newest(b) / name))
          << name;
    }
    EXPECT_EQ(
        file_bytes(a / "model" / weights), file_bytes(b / "model" / weights));
  }
};

TEST_F(TrainResume, LoraWithDropoutAndPackingGoesOnBitForBit) {
  const auto whole = with_settings(
      {"run.output=whole", "checkpoint.every=1", "checkpoint.keep=0"});
  ASSERT_EQ(train(whole).status, 0);
  const size_t steps = losses(folder() / "whole").size();
  ASSERT_GE(steps, 4u);
  // The first step, one within an epoch, the last but one.
  for (const size_t step : {size_t{1}, steps / 2, steps - 1}) {
    fs::remove_all(run());
    fs::copy(folder() / "whole", run(), fs::copy_options::recursive);
    crash_after(static_cast<int64_t>(step));
    const ProcessResult result = train({"--resume"});
    ASSERT_EQ(result.status, 0) << result.out << result.err;
    EXPECT_EQ(events("start").back()["resumed_step"], step);
    EXPECT_EQ(losses(), losses(folder() / "whole"));
    expect_same_end(run(), folder() / "whole", "adapter_model.safetensors");
  }
}

TEST_F(TrainResume, FullTrainingGoesOnBitForBitInTheMiddleOfAnEpoch) {
  const std::string toml = file_bytes(folder() / "run.toml");
  write("run.toml", toml.substr(0, toml.find("[features.lora]")));
  const auto settings = with_settings(
      {"run.output=whole", "checkpoint.every=2", "checkpoint.keep=0"});
  ASSERT_EQ(train(settings).status, 0);
  fs::copy(folder() / "whole", run(), fs::copy_options::recursive);
  crash_after(2);
  const ProcessResult result = train({"--resume"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(losses(), losses(folder() / "whole"));
  expect_same_end(run(), folder() / "whole", "model.safetensors");
}

TEST_F(TrainResume, SameSeedGivesTheSameBits) {
  ASSERT_EQ(train().status, 0);
  ASSERT_EQ(train(with_settings({"run.output=again"})).status, 0);
  expect_same_end(run(), folder() / "again", "adapter_model.safetensors");
  ASSERT_EQ(train(with_settings({"run.output=other", "run.seed=7"})).status, 0);
  EXPECT_NE(losses(), losses(folder() / "other"));
}

TEST_F(TrainResume, CtrlCFinishesTheStepSavesAndStops) {
  const ProcessResult result = run_shell(
      "cd " + folder().string() +
      "; $TRAINER --config run.toml --set train.epochs=100000 & pid=$!; "
      "for i in $(seq 600); do grep -qs '\"event\":\"step\"' "
      "run/events.jsonl && break; sleep 0.1; done; "
      "kill -INT $pid; wait $pid");
  EXPECT_EQ(result.status, 130) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("--resume"));
  const auto done = static_cast<int64_t>(losses().size());
  EXPECT_TRUE(fs::exists(run() / ("checkpoint-" + std::to_string(done))))
      << done;
  EXPECT_FALSE(fs::exists(run() / "model"));
  const ProcessResult resumed = train(
      {"--resume", "--set", "train.max_steps=" + std::to_string(done + 2)});
  EXPECT_EQ(resumed.status, 0) << resumed.out << resumed.err;
  EXPECT_EQ(static_cast<int64_t>(losses().size()), done + 2);
}

TEST_F(TrainResume, DamagedNewestCheckpointIsNamedAndSkipped) {
  const auto settings =
      with_settings({"checkpoint.every=2", "checkpoint.keep=0"});
  ASSERT_EQ(train(settings).status, 0);
  const fs::path broken = newest(run());
  fs::resize_file(broken / "optimizer.safetensors", 100);
  fs::remove_all(run() / "model");
  const ProcessResult result = train({"--resume"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr(broken.filename().string()));
  EXPECT_THAT(result.out, HasSubstr("damaged"));
  EXPECT_LT(
      events("start").back()["resumed_step"],
      std::stoll(broken.filename().string().substr(11)));
}

TEST_F(TrainResume, ChangedDataStopsWithAMessage) {
  ASSERT_EQ(train(with_settings({"checkpoint.every=2"})).status, 0);
  std::ofstream(folder() / "data.jsonl", std::ios::app)
      << "{\"instruction\": \"New\", \"output\": \"thing\"}\n";
  const ProcessResult result = train({"--resume"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("training data"));
}

TEST_F(TrainResume, ChangedKeyIsSaid) {
  ASSERT_EQ(train(with_settings({"train.max_steps=4"})).status, 0);
  const ProcessResult result = train(
      {"--resume",
       "--set",
       "train.max_steps=6",
       "--set",
       "train.learning_rate=0.001"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("train.learning_rate = 0.001"));
  EXPECT_EQ(losses().size(), 6u);
}

TEST_F(TrainResume, OtherFeaturesStopWithAMessage) {
  ASSERT_EQ(train(with_settings({"train.max_steps=4"})).status, 0);
  const ProcessResult result = train(
      {"--resume",
       "--set",
       "train.max_steps=6",
       "--set",
       "features.lora.rank=8"});
  EXPECT_EQ(result.status, 2) << result.out;
  EXPECT_THAT(result.err, HasSubstr("another shape"));
}

TEST_F(TrainResume, RunDirectoryOfARunIsNotTakenWithoutResume) {
  ASSERT_EQ(train().status, 0);
  const std::string before = file_bytes(run() / "events.jsonl");
  const ProcessResult result = train();
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("--resume"));
  EXPECT_EQ(file_bytes(run() / "events.jsonl"), before);
}

TEST_F(TrainResume, FinishedRunHasNothingLeftToDo) {
  ASSERT_EQ(train().status, 0);
  const size_t steps = losses().size();
  const ProcessResult result = train({"--resume"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(losses().size(), steps);
  EXPECT_THAT(result.out, HasSubstr("train.epochs"));
}

} // namespace
} // namespace octet
