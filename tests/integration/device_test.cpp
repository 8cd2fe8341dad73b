// run.device and trainer doctor through the program, on machines that have no
// GPU: a stand-in for the driver tells of GPUs (tests/fixtures/cuda).
#include "core/cuda/driver.h"
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

const std::string kFakes = OCTET_BINARY_DIR "/tests/cuda";

class Device : public TrainRun {
 protected:
  /// The environment of a machine with these GPUs and an empty cache.
  std::vector<std::string> machine(
      const std::string& gpus,
      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> environment = {
        "LD_LIBRARY_PATH=" + kFakes + "/driver",
        "XDG_CACHE_HOME=" + (folder() / "cache").string(),
        "FAKE_GPUS=" + gpus};
    environment.insert(environment.end(), more.begin(), more.end());
    return environment;
  }

  ProcessResult dry_run(
      const std::vector<std::string>& settings,
      const std::vector<std::string>& environment,
      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"--config", "run.toml", "--dry-run"};
    for (const std::string& argument : with_settings(settings)) {
      arguments.push_back(argument);
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_trainer(arguments, folder(), environment);
  }
};

const std::string kHopper = "Fake H100/90/80000000000";

TEST_F(Device, WithoutADriverAGpuIsRefusedInOneSentence) {
  if (!cuda_driver().devices.empty()) {
    GTEST_SKIP() << "this machine has a GPU";
  }
  const ProcessResult result = dry_run({"run.device=cuda"}, {});
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(
      result.err,
      "[device] run.device = \"cuda\" (--set): expected an NVIDIA GPU, found "
      "none: " +
          cuda_driver().problem +
          "; install the driver on a machine with a GPU, or set run.device = "
          "\"cpu\"\n");
}

TEST_F(Device, ANameThatIsNoneIsAMistakeInRunToml) {
  const ProcessResult result = dry_run({"run.device=gpu0"}, {});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(
      result.err,
      "[config] run.device (--set): expected \"auto\", \"cpu\", \"cuda\" or "
      "\"cuda:1\", found \"gpu0\"\n");
}

TEST_F(Device, ADriverThatSeesNoGpuIsToldFromNoDriver) {
  const ProcessResult result =
      dry_run({"run.device=cuda"}, machine("", {"FAKE_INIT=100"}));
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(
      result.err,
      HasSubstr("found none: the NVIDIA driver cannot be used: it sees no "
                "device: is a GPU there, and is CUDA_VISIBLE_DEVICES right?"));
}

TEST_F(Device, AutoWithoutTheLibrariesComputesOnTheCpuAndSaysSo) {
  const ProcessResult result = dry_run({}, machine(kHopper));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(
      result.out,
      HasSubstr("device: cpu: the GPU (Fake H100) is not used: LibTorch's CUDA "
                "library torch/lib/libtorch_cuda.so is not there (looked in "));
  EXPECT_THAT(result.out, HasSubstr("tools/setup --cuda brings it\n"));
}

TEST_F(Device, ANamedGpuWithoutTheLibrariesIsRefused) {
  const ProcessResult result = dry_run({"run.device=cuda"}, machine(kHopper));
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr((folder() / "cache/octet/libtorch-cuda-2.13.0").string()),
          HasSubstr("run tools/setup --cuda, or give its folder in "
                    "run.cuda_libraries")));
}

TEST_F(Device, ABackendThatNeedsAGpuIsToldThatTheRunHasNone) {
  const ProcessResult result = dry_run(
      {"run.device=cpu", "precision.backend=te"},
      machine(kHopper),
      {"--plugin-path", OCTET_BINARY_DIR "/tests/gpu_plugins"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(
      result.err,
      HasSubstr("precision.backend = \"te\" (--set): needs a CUDA device; this "
                "run computes on the CPU (run.device)"));
}

TEST_F(Device, AnOldCublasIsRefusedBeforeAnyPluginIsAsked) {
  const ProcessResult result = dry_run(
      {"run.device=cuda", "run.cuda_libraries=" + kFakes + "/old"},
      machine(kHopper));
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("[cuda] expected cuBLAS 13.10 or newer, found 13.1.1 ("),
          HasSubstr("FP8 libraries need 13.10; run tools/setup --cuda, or set "
                    "run.device = \"cpu\"")));
}

TEST_F(Device, ALibraryOfAnotherLibTorchIsNamed) {
  const ProcessResult result = dry_run(
      {"run.device=cuda", "run.cuda_libraries=" + kFakes + "/other_torch"},
      machine(kHopper));
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(
      result.err,
      ContainsRegex("libtorch_cuda.so of .*/other_torch/torch/lib does not "
                    "belong to LibTorch 2.13.0, which this program is built "
                    "with; .*octet_no_such_symbol_in_libtorch"));
}

// The stand-in for LibTorch's CUDA library brings no device.
TEST_F(Device, AGpuThatDoesNotComputeEndsTheRunBeforeAnyWeightIsRead) {
  const ProcessResult result = dry_run(
      {"run.device=cuda",
       "run.cuda_libraries=" + kFakes + "/new",
       "model.path=" + (folder() / "described").string()},
      machine(kHopper));
  // model.path must exist for run.toml to be accepted.
  EXPECT_EQ(result.status, 2) << result.err;
  fs::create_directory(folder() / "described");
  fs::copy(
      tiny_model() / "config.json", folder() / "described" / "config.json");
  const ProcessResult again = dry_run(
      {"run.device=cuda",
       "run.cuda_libraries=" + kFakes + "/new",
       "model.path=" + (folder() / "described").string()},
      machine(kHopper));
  EXPECT_EQ(again.status, 3) << again.err;
  EXPECT_THAT(
      again.err,
      HasSubstr("[device] expected cuda:0 (Fake H100) to compute, found: "));
}

TEST_F(Device, DoctorTellsWhatIsHereAndWhatToDo) {
  const ProcessResult result = run_trainer(
      {"doctor"}, folder(), machine(kHopper + ";Fake P40/61/24000000000"));
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(
          ContainsRegex("\ndriver +ok +.*for CUDA 13\\.0\n"),
          ContainsRegex("\nGPU 0 +ok +Fake H100, compute capability 9\\.0, 80"),
          ContainsRegex("\nGPU 1 +missing +Fake P40, compute capability 6\\.1"),
          ContainsRegex("\nLibTorch +ok +2\\.13\\.0 \\("),
          ContainsRegex("\nCUDA libraries +missing +none in "),
          HasSubstr("-> to train on a GPU, run tools/setup --cuda\n"),
          HasSubstr("\na run computes on cpu: the GPU (Fake H100) is not "
                    "used: ")));
}

TEST_F(Device, DoctorIsNotFineWithADeviceThatCannotBeUsed) {
  const ProcessResult result =
      run_trainer({"doctor", "--device", "cuda:1"}, folder(), machine(kHopper));
  EXPECT_EQ(result.status, 3) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      HasSubstr("\nno run: run.device = \"cuda:1\": expected a GPU of this "
                "machine, which has cuda:0; name one of them\n"));
}

TEST_F(Device, DoctorOpensTheLibrariesInAChildAndTellsWhatIsBroken) {
  const ProcessResult result = run_trainer(
      {"doctor", "--json", "--cuda-libraries", kFakes + "/old"},
      folder(),
      machine(kHopper));
  EXPECT_EQ(result.status, 3) << result.out << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["fine"], false);
  EXPECT_EQ(report["device"]["name"], "cuda:0");
  EXPECT_EQ(report["device"]["gpu"]["name"], "Fake H100");
  bool seen = false;
  for (const auto& row : report["rows"]) {
    if (row["name"] == "CUDA libraries") {
      seen = true;
      EXPECT_EQ(row["status"], "broken");
      EXPECT_THAT(
          row["found"].get<std::string>(),
          HasSubstr("expected cuBLAS 13.10 or newer, found 13.1.1"));
      EXPECT_THAT(
          row["advice"].get<std::string>(), HasSubstr("tools/setup --cuda"));
    }
  }
  EXPECT_TRUE(seen);
}

TEST_F(Device, DoctorWithoutAGpuIsFine) {
  const ProcessResult result = run_trainer(
      {"doctor", "--json"}, folder(), machine("", {"FAKE_INIT=100"}));
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["fine"], true);
  EXPECT_EQ(report["device"]["name"], "cpu");
}

} // namespace
} // namespace octet
