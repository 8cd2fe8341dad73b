// A tiny model, a little data and a run.toml in a temporary folder, for whole
// runs through the built program.
#pragma once

#include "tests/integration/process.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

class TrainRun : public ::testing::Test {
 protected:
  /// Writes data.jsonl (24 chats of two kinds of length), text.txt and
  /// run.toml (LoRA with dropout, packing, 3 rows a step, fp32).
  void SetUp() override;

  std::filesystem::path folder() const {
    return folder_.path();
  }
  /// The run directory of run.toml.
  std::filesystem::path run() const {
    return folder() / "run";
  }
  static std::filesystem::path tiny_model();
  /// folder()/odd: the tiny model's files with a description of which no
  /// dimension of a layer is a multiple of 16.
  std::filesystem::path odd_model() const;
  /// folder()/mixed: the tiny model with an MLP of 40 instead of 48, so that
  /// the three projections of each MLP have a dimension that is no multiple of
  /// 16, and the four of each attention have none.
  std::filesystem::path mixed_model() const;
  /// folder()/model: the tiny model with a NaN as its last weight.
  std::filesystem::path broken_model() const;
  void write(const std::string& name, const std::string& text) const {
    folder_.write(name, text);
  }
  /// trainer --config run.toml, with these arguments added.
  ProcessResult train(const std::vector<std::string>& arguments = {}) const;
  /// Events of one kind, in order. @param run default: run()
  std::vector<nlohmann::json> events(
      const std::string& kind,
      const std::filesystem::path& run = {}) const;
  /// Losses by step; the last value of a step counts.
  std::vector<double> losses(const std::filesystem::path& run = {}) const;

 private:
  TemporaryFolder folder_;
};

/// That one watched step has casts of the tiny model's 8 attention projections,
/// three each, and of no other layer.
void expect_attention_only(const std::vector<nlohmann::json>& watched);

/// The bytes of a file; fails the test when there is none.
std::string file_bytes(const std::filesystem::path& path);

/// --set train.stage="sft" and so on, one pair of arguments a setting.
std::vector<std::string> with_settings(
    const std::vector<std::string>& settings);

} // namespace octet
