// Whole runs of the te backend's code through the trainer, on the reference
// library (plugin te-reference of the build's tests folder).
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

#include <fstream>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
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
      const std::vector<std::string>& more = {},
      const std::vector<std::string>& environment = {}) const {
    std::vector<std::string> all = with_settings(settings);
    all.insert(all.begin(), {"--config", "run.toml"});
    all.insert(
        all.end(),
        {"--set",
         "precision.backend=te-reference",
         "--plugin-path",
         plugins().string()});
    all.insert(all.end(), more.begin(), more.end());
    return run_trainer(all, folder(), environment);
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

// Layers of one odd size stand before good ones: the first MLP comes before the
// second attention.
TEST_F(TrainTe, LayersWithAnOddSizeStayBf16AndTheOthersDoNot) {
  mixed_model();
  const ProcessResult result =
      train_fp8({"model.path=mixed", "train.max_steps=1", "watch.every=1"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("8 of 15 linears (Transformer Engine 2.12 to 2.16, delayed "
                    "scaling, HYBRID); 7 bf16: "),
          HasSubstr("out_features 40 is not a multiple of 16 (4)"),
          HasSubstr("in_features 40 is not a multiple of 16 (2)")));
  expect_attention_only(events("watch"));
}

TEST_F(TrainTe, TrainsLoraBesideIt) {
  const ProcessResult result =
      train_fp8({"features.lora={}", "train.max_steps=2"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const nlohmann::json slots = events("verified").at(0)["slots"];
  EXPECT_EQ(slots["te-reference"], (nlohmann::json{{"gemm", 14}})) << slots;
  EXPECT_TRUE(slots["lora"].contains("adapter")) << slots;
  EXPECT_EQ(losses().size(), 2u);
}

TEST_F(TrainTe, EveryLayerFilteredOutIsAnErrorAndNotABf16Run) {
  odd_model();
  const ProcessResult result = train_fp8({"model.path=odd"});
  EXPECT_EQ(result.status, 3) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("precision.backend = \"te-reference\" (fp8) accepts none "
                    "of the model's 16 sites"),
          HasSubstr("in_features 24 is not a multiple of 16 (12)")));
  EXPECT_FALSE(fs::exists(run()));
}

// Both texts are those of Transformer Engine 2.20 and CUDA; the reference
// library says them in place of a machine that lacks what they name.
TEST_F(TrainTe, WithoutCudasHeadersTheWayOutOfTheLibraryIsTold) {
  const ProcessResult result = train_fp8(
      {},
      {},
      {"OCTET_TE_REFERENCE_THROWS=cuda_runtime.cpp:169 in function "
       "include_directory: Could not find cuda_runtime.h in "
       "/usr/local/cuda/include. Specify path to CUDA Toolkit headers with "
       "NVTE_CUDA_INCLUDE_DIR or disable NVRTC support with "
       "NVTE_DISABLE_NVRTC=1."});
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("[plugin te-reference] forward of model.layers.0."),
          HasSubstr("Could not find cuda_runtime.h in"),
          HasSubstr("NVTE_CUDA_INCLUDE_DIR"),
          HasSubstr("the package nvidia-cuda-runtime has them in "
                    "nvidia/cu13/include")));
  EXPECT_TRUE(events("step").empty());
}

TEST_F(TrainTe, ADriverThatIsTooOldIsToBeReplaced) {
  const ProcessResult result = train_fp8(
      {},
      {},
      {"OCTET_TE_REFERENCE_THROWS=CUDA Error: CUDA driver version is "
       "insufficient for CUDA runtime version"});
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("failed: CUDA Error: CUDA driver version is insufficient"),
          HasSubstr("install an NVIDIA driver that is new enough for this CUDA "
                    "(trainer doctor shows both)")));
  EXPECT_TRUE(events("step").empty());
}

TEST_F(TrainTe, NotANumberStopsBeforeTheUpdate) {
  broken_model();
  const ProcessResult result = train_fp8({"model.path=model"});
  EXPECT_EQ(result.status, 5) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("[train] step 1: "),
          HasSubstr("The update was not made; there is no checkpoint yet"),
          HasSubstr("Lower train.learning_rate")));
  EXPECT_TRUE(events("step").empty());
}

// Histories that do not fit would make it another run without a word.
TEST_F(TrainTe, AnotherRecipeOrHistoryDoesNotResume) {
  ASSERT_EQ(train_fp8({"train.max_steps=2"}).status, 0);
  const auto resumed = [&](const std::string& output,
                           const std::string& setting) {
    const ProcessResult result = train_fp8(
        {"run.output=" + output, "train.max_steps=3", setting}, {"--resume"});
    EXPECT_NE(result.status, 0) << result.out;
    return result.err;
  };
  EXPECT_THAT(
      resumed("run", "precision.te-reference.amax_history_len=4"),
      HasSubstr("expected amax_history of 4 fp32 values in the checkpoint, "
                "found 16; resume with the precision.te.amax_history_len of "
                "the run that wrote it"));
  EXPECT_THAT(
      resumed("run", "precision.te-reference.recipe=current"),
      AllOf(
          HasSubstr("expected a checkpoint of this precision.te.recipe, found "
                    "one with "),
          HasSubstr("which the recipe does not keep")));
  ASSERT_EQ(
      train_fp8({"run.output=current",
                 "train.max_steps=2",
                 "precision.te-reference.recipe=current"})
          .status,
      0);
  EXPECT_THAT(
      resumed("current", "precision.te-reference.recipe=delayed"),
      HasSubstr("and the checkpoint has none (72 tensors); set precision back "
                "to what it was, or start a new run"));
}

TEST_F(TrainTe, AnotherBackendDoesNotResume) {
  ASSERT_EQ(train_fp8({"train.max_steps=2"}).status, 0);
  const ProcessResult result = train(
      {"--resume",
       "--set",
       "train.max_steps=3",
       "--set",
       "precision.backend=bf16"});
  EXPECT_EQ(result.status, 4) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      HasSubstr("was computed by te-reference and now by bf16, which cannot go "
                "on with its state (72 tensors); set precision back to what it "
                "was"));
  EXPECT_EQ(losses().size(), 2u);
}

TEST_F(TrainTe, TheRealBackendDoesNotRunWithoutAGpu) {
  if (fs::exists("/dev/nvidia0")) {
    GTEST_SKIP() << "this machine has a GPU";
  }
  const ProcessResult result =
      train({"--set", "precision.backend=te", "--dry-run"});
  EXPECT_EQ(result.status, 3) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      HasSubstr("precision.backend = \"te\" (--set): needs a CUDA device; this "
                "machine has none"));
  EXPECT_FALSE(fs::exists(run()));
}

} // namespace
} // namespace octet
