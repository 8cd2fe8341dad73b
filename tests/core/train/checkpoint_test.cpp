// Checkpoints are whole or absent, and damage is found and named.
#include "core/train/checkpoint.h"

#include "core/base/problems.h"
#include "core/train/state_file.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include <unistd.h>

namespace octet {
namespace {

namespace fs = std::filesystem;

class Checkpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    run_ = fs::temp_directory_path() /
        ("octet_checkpoint_" + std::to_string(::getpid()));
    fs::remove_all(run_);
    fs::create_directories(run_);
  }
  void TearDown() override {
    fs::remove_all(run_);
  }
  fs::path at_step(int64_t step) const {
    return run_ / ("checkpoint-" + std::to_string(step));
  }
  fs::path write(int64_t step) const {
    CheckpointContent content;
    content.state.step = step;
    content.state.seed = 42;
    content.state.cursor = {1, 17};
    content.state.losses = {2.5, 0.1};
    content.state.config = {{"train.epochs", "3.0"}};
    content.state.data_digest = "abc";
    content.optimizer = {{"w.exp_avg", at::full({2, 3}, 0.1, at::kFloat)}};
    content.parameters = {{"w", at::arange(6, at::kFloat).view({2, 3})}};
    content.plugins = {
        {"backend/history", at::arange(4, at::kLong)},
        {"backend/none", at::zeros({0}, at::kBFloat16)}};
    content.write_model = [](const fs::path& folder) {
      std::ofstream(folder / "adapter_config.json") << "{}";
    };
    write_checkpoint(at_step(step), content);
    return at_step(step);
  }
  static void damage_byte(const fs::path& file) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(-1, std::ios::end);
    const auto last = static_cast<char>(stream.get() ^ 1);
    stream.seekp(-1, std::ios::end);
    stream.put(last);
  }
  size_t entries() const {
    const fs::directory_iterator all(run_);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
  fs::path run_;
};

TEST_F(Checkpoint, ComesBackAsItWasWritten) {
  const CheckpointContent back = read_checkpoint(write(5));
  EXPECT_EQ(back.state.step, 5);
  EXPECT_EQ(back.state.cursor.epoch, 1);
  EXPECT_EQ(back.state.cursor.row, 17);
  EXPECT_EQ(back.state.losses, (std::vector<double>{2.5, 0.1}));
  ASSERT_EQ(back.optimizer.size(), 1u);
  EXPECT_EQ(back.optimizer[0].first, "w.exp_avg");
  ASSERT_EQ(back.parameters.size(), 1u);
  EXPECT_EQ(back.parameters[0].first, "w");
  EXPECT_TRUE(at::equal(
      back.parameters[0].second, at::arange(6, at::kFloat).view({2, 3})));
  ASSERT_EQ(back.plugins.size(), 2u);
  EXPECT_TRUE(at::equal(back.plugins[0].second, at::arange(4, at::kLong)));
  EXPECT_EQ(back.plugins[1].second.scalar_type(), at::kBFloat16);
}

TEST_F(Checkpoint, WholeOneHasNoDamage) {
  EXPECT_EQ(find_damage(write(1)), "");
}

TEST_F(Checkpoint, EveryFileIsGuarded) {
  for (const char* name :
       {"optimizer.safetensors",
        "plugin_state.safetensors",
        "trainer_state.json",
        "adapter_config.json"}) {
    const fs::path folder = write(1);
    damage_byte(folder / name);
    EXPECT_NE(find_damage(folder).find(name), std::string::npos) << name;
    fs::remove(folder / name);
    EXPECT_NE(find_damage(folder).find("missing"), std::string::npos) << name;
    fs::remove_all(folder);
  }
}

TEST_F(Checkpoint, LostOrDamagedManifestIsDamage) {
  const fs::path folder = write(1);
  fs::resize_file(folder / "manifest.json", 40);
  EXPECT_NE(find_damage(folder).find("manifest.json"), std::string::npos);
  fs::remove(folder / "manifest.json");
  EXPECT_NE(find_damage(folder).find("manifest.json"), std::string::npos);
  std::ofstream(folder / "manifest.json") << "{\"files\": {}}";
  EXPECT_NE(find_damage(folder), "");
}

TEST_F(Checkpoint, DamagedNewestFallsBackAndIsNamed) {
  write(10);
  const fs::path newest = write(20);
  fs::resize_file(newest / "optimizer.safetensors", 60);
  std::vector<std::string> skipped;
  EXPECT_EQ(newest_whole_checkpoint(run_, skipped).step, 10);
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_NE(skipped[0].find("checkpoint-20"), std::string::npos);
  EXPECT_NE(skipped[0].find("optimizer.safetensors"), std::string::npos);
}

TEST_F(Checkpoint, NoWholeOneTellsWhatIsWrongWithEach) {
  std::vector<std::string> skipped;
  EXPECT_THROW(newest_whole_checkpoint(run_, skipped), Failure);
  damage_byte(write(3) / "trainer_state.json");
  damage_byte(write(4) / "adapter_config.json");
  try {
    newest_whole_checkpoint(run_, skipped);
    FAIL() << "expected a Failure";
  } catch (const Failure& failure) {
    const std::string text = failure.what();
    EXPECT_EQ(failure.code(), ExitCode::input);
    EXPECT_NE(text.find("checkpoint-3"), std::string::npos) << text;
    EXPECT_NE(text.find("checkpoint-4"), std::string::npos) << text;
  }
}

TEST_F(Checkpoint, FailureWhileWritingLeavesNothing) {
  CheckpointContent content;
  content.write_model = [](const fs::path& folder) {
    std::ofstream(folder / "model.safetensors") << "half";
    throw Failure(ExitCode::failed, "files", "the disk is full");
  };
  EXPECT_THROW(write_checkpoint(at_step(1), content), Failure);
  EXPECT_EQ(entries(), 0u);
}

TEST_F(Checkpoint, FailureWhileReplacingKeepsTheOldOne) {
  const fs::path folder = write(1);
  CheckpointContent content;
  content.write_model = [](const fs::path&) {
    throw Failure(ExitCode::failed, "files", "the disk is full");
  };
  EXPECT_THROW(write_checkpoint(folder, content), Failure);
  EXPECT_EQ(find_damage(folder), "");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Checkpoint, OnlyTheNewestStay) {
  for (const int64_t step : {5, 10, 100, 20}) {
    write(step);
  }
  remove_old_checkpoints(run_, 0, 100);
  EXPECT_EQ(list_checkpoints(run_).size(), 4u);
  remove_old_checkpoints(run_, 2, 100);
  const auto left = list_checkpoints(run_);
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].step, 100);
  EXPECT_EQ(left[1].step, 20);
  EXPECT_EQ(entries(), 2u);
}

TEST_F(Checkpoint, StateOfAnotherFormatOrShapeIsRefused) {
  nlohmann::json json = to_json(TrainerState{});
  json["format"] = 99;
  EXPECT_THROW(parse_trainer_state(json, "f"), Failure);
  json = to_json(TrainerState{});
  json["cursor"].erase("row");
  EXPECT_THROW(parse_trainer_state(json, "f"), Failure);
  EXPECT_THROW(parse_trainer_state(nlohmann::json(), "f"), Failure);
  EXPECT_THROW(parse_trainer_state("text", "f"), Failure);
}

TEST(StateFile, DtypeWithoutAPlaceInAFileIsNamed) {
  const State state = {{"z", at::zeros({1}, at::kComplexFloat)}};
  try {
    write_state_file(fs::temp_directory_path() / "octet_state", state);
    FAIL() << "expected a Failure";
  } catch (const Failure& failure) {
    EXPECT_NE(std::string(failure.what()).find("tensor z"), std::string::npos);
  }
}

TrainerState state_of_a_run() {
  TrainerState state;
  state.threads = 2;
  state.cpu_capability = "AVX2";
  state.libtorch = "2.13.0";
  state.data_digest = std::string(64, 'a');
  state.config = {
      {"train.learning_rate", "0.0002"},
      {"run.seed", "42"},
      {"data.packing", "true"}};
  state.plugins = {{"lora", "0.1.0"}};
  return state;
}

TEST(ResumeDifferences, SameRunHasNone) {
  const auto found = compare_for_resume(state_of_a_run(), state_of_a_run());
  EXPECT_TRUE(found.fatal.empty());
  EXPECT_TRUE(found.notes.empty());
}

TEST(ResumeDifferences, WhatOnlyChangesBitsIsToldNotRefused) {
  TrainerState now = state_of_a_run();
  now.threads = 4;
  now.cpu_capability = "AVX512";
  now.libtorch = "2.14.0";
  now.plugins["lora"] = "0.2.0";
  now.config["train.learning_rate"] = "0.1";
  now.config["train.new_key"] = "1";
  const auto found = compare_for_resume(state_of_a_run(), now);
  EXPECT_TRUE(found.fatal.empty());
  EXPECT_EQ(found.notes.size(), 6u);
  EXPECT_EQ(found.notes[0], "train.learning_rate = 0.1, was 0.0002");
  EXPECT_EQ(found.notes[1], "train.new_key = 1, was unset");
}

TEST(ResumeDifferences, OtherDataSeedOrModelAreRefusedAllAtOnce) {
  TrainerState now = state_of_a_run();
  now.data_digest = std::string(64, 'b');
  now.config["run.seed"] = "43";
  now.config["data.packing"] = "false";
  now.model_files = {{"model.safetensors", 5}};
  EXPECT_EQ(compare_for_resume(state_of_a_run(), now).fatal.size(), 4u);
}

} // namespace
} // namespace octet
