// Whole runs of the te backend's code through the trainer, on the reference
// library (plugin te-reference of the build's tests folder).
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

#include <fstream>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TrainTe : public TrainRun {
 protected:
  void SetUp() override {
    TrainRun::SetUp();
    if (!fs::exists(plugins() / "te_reference.so")) {
      GTEST_SKIP() << "built without plugins";
    }
    // Full fine-tuning, three microbatches a step.
    const std::string toml = file_bytes(folder() / "run.toml");
    write("run.toml", toml.substr(0, toml.find("[features.lora]")));
  }
  static fs::path plugins() {
    return fs::path(OCTET_BINARY_DIR) / "tests/te/plugins";
  }
  ProcessResult train_fp8(
      const std::vector<std::string>& settings,
      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = with_settings(settings);
    all.insert(
        all.end(),
        {"--set",
         "precision.backend=te-reference",
         "--plugin-path",
         plugins().string()});
    all.insert(all.end(), more.begin(), more.end());
    return train(all);
  }
};

TEST_F(TrainTe, ResumesBitForBitInTheMiddleOfDelayedScaling) {
  const std::vector<std::string> settings = {
      "train.max_steps=8",
      "train.activation_checkpointing=true",
      "precision.te-reference.amax_history_len=5",
      "checkpoint.every=1",
      "checkpoint.keep=0"};
  std::vector<std::string> whole = settings;
  whole.emplace_back("run.output=whole");
  const ProcessResult first = train_fp8(whole);
  ASSERT_EQ(first.status, 0) << first.out << first.err;
  fs::copy(folder() / "whole", run(), fs::copy_options::recursive);
  for (const auto& entry : fs::directory_iterator(run())) {
    const std::string name = entry.path().filename();
    if ((name.starts_with("checkpoint-") && name != "checkpoint-3") ||
        name == "model") {
      fs::remove_all(entry.path());
    }
  }
  const ProcessResult second = train_fp8(settings, {"--resume"});
  ASSERT_EQ(second.status, 0) << second.out << second.err;
  EXPECT_EQ(events("start").back()["resumed_step"], 3);
  EXPECT_EQ(losses(), losses(folder() / "whole"));
  for (const char* name :
       {"optimizer.safetensors",
        "plugin_state.safetensors",
        "model.safetensors"}) {
    EXPECT_EQ(
        file_bytes(run() / "checkpoint-8" / name),
        file_bytes(folder() / "whole/checkpoint-8" / name))
        << name;
  }
  // Histories are in it: an empty state would be equal as well.
  EXPECT_GT(
      fs::file_size(run() / "checkpoint-8/plugin_state.safetensors"), 1000u);
}

TEST_F(TrainTe, ThePlanSaysWhichLayersRunInFp8) {
  const ProcessResult result = train_fp8({"train.max_steps=1"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const auto plan =
      nlohmann::json::parse(file_bytes(run() / "resolution.json"));
  int fp8 = 0;
  for (const auto& site : plan["sites"]) {
    for (const auto& slot : site["slots"]) {
      fp8 += slot["slot"] == "gemm" && slot["by"] == "te-reference" ? 1 : 0;
    }
  }
  EXPECT_EQ(fp8, 14);
  EXPECT_THAT(result.out, HasSubstr("te-reference"));
}

TEST_F(TrainTe, TheRealBackendDoesNotRunWithoutAGpu) {
  if (fs::exists("/dev/nvidia0")) {
    GTEST_SKIP() << "this machine has a GPU";
  }
  const ProcessResult result =
      train({"--set", "precision.backend=te", "--dry-run"});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("te"));
  EXPECT_THAT(result.err, HasSubstr("CUDA device"));
  EXPECT_FALSE(fs::exists(run()));
}

} // namespace
} // namespace octet
