// Runs with te and torchao as a machine with an FP8 GPU has them: the plugins
// in tests/fp8_present of the build do not need a GPU, so that a run gets as
// far as their probes.
#pragma once

#include "tests/integration/train_fixture.h"

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

class Fp8PresentRun : public TrainRun {
 protected:
  static std::filesystem::path tests() {
    return std::filesystem::path(OCTET_BINARY_DIR) / "tests";
  }
  void SetUp() override {
    TrainRun::SetUp();
    if (!std::filesystem::exists(tests() / "fp8_present/te_present.so")) {
      GTEST_SKIP() << "built without plugins";
    }
    const std::string toml = file_bytes(folder() / "run.toml");
    write("run.toml", toml.substr(0, toml.find("[precision]")));
    // A model of which there is only the description: whoever reads a weight
    // fails, and with status 4.
    std::filesystem::create_directory(folder() / "described");
    std::filesystem::copy(
        tiny_model() / "config.json", folder() / "described" / "config.json");
  }

  /// A run with te and torchao as a machine with an FP8 GPU has them.
  ProcessResult with_fp8_present(
      std::vector<std::string> settings,
      const std::vector<std::string>& environment = {}) const {
    settings.emplace_back("model.path=described");
    std::vector<std::string> arguments = {
        "--config",
        "run.toml",
        "--plugin-path",
        (tests() / "fp8_present").string()};
    for (const std::string& argument : with_settings(settings)) {
      arguments.push_back(argument);
    }
    return run_trainer(arguments, folder(), environment);
  }
  /// Nothing was chosen, planned or written.
  void expect_nothing_ran(const ProcessResult& result) const {
    EXPECT_EQ(result.status, 3) << result.out << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_FALSE(std::filesystem::exists(run()));
  }
};

} // namespace octet
