// Which device a run gets, from what the driver and the disk have.
#include "core/cuda/run_device.h"

#include "core/base/problems.h"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

CudaDriver no_driver() {
  CudaDriver driver;
  driver.problem = "no NVIDIA driver (libcuda.so.1 was not found)";
  return driver;
}

CudaDriver with_gpus(std::vector<unsigned> capabilities, int cuda = 13000) {
  CudaDriver driver;
  driver.cuda_version = cuda;
  driver.release = "580.65.06";
  for (const unsigned capability : capabilities) {
    const auto index = static_cast<int>(driver.devices.size());
    driver.devices.push_back(
        {index,
         "GPU " + std::string(1, static_cast<char>('A' + index)),
         capability,
         80'000'000'000});
  }
  return driver;
}

const CudaLibraries kFound{"/libraries", {"/libraries"}};
const CudaLibraries kMissing{"", {"/first", "/second"}};

std::string message(
    const std::string& asked,
    const CudaDriver& driver,
    const CudaLibraries& libraries) {
  try {
    choose_device(asked, "run.toml:4", driver, libraries);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::resolution);
    return failure.what();
  }
  ADD_FAILURE() << asked << " was accepted";
  return "";
}

TEST(RunDevice, TheFourFormsOfANameAreKnownAndNoOther) {
  for (const char* name : {"auto", "cpu", "cuda", "cuda:0", "cuda:12"}) {
    EXPECT_EQ(device_name_problem(name), "") << name;
  }
  for (const char* name :
       {"gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1x", "cuda0", "CPU", ""}) {
    EXPECT_THAT(device_name_problem(name), HasSubstr("expected \"auto\""))
        << name;
  }
}

TEST(RunDevice, AutoWithoutADriverIsTheCpuAndSaysWhy) {
  const RunDevice device = choose_device("auto", "", no_driver(), kFound);
  EXPECT_FALSE(device.cuda);
  EXPECT_EQ(
      device.text(), "cpu: no NVIDIA driver (libcuda.so.1 was not found)");
  EXPECT_TRUE(device.rows().empty());
}

TEST(RunDevice, ANameWithoutADriverIsOneSentence) {
  EXPECT_EQ(
      message("cuda", no_driver(), kFound),
      "[device] run.device = \"cuda\" (run.toml:4): expected an NVIDIA GPU, "
      "found none: no NVIDIA driver (libcuda.so.1 was not found); install the "
      "driver on a machine with a GPU, or set run.device = \"cpu\"");
}

TEST(RunDevice, AutoTakesTheFirstGpuThatCanBeUsed) {
  const RunDevice device =
      choose_device("auto", "", with_gpus({61, 90, 89}), kFound);
  EXPECT_TRUE(device.cuda);
  EXPECT_EQ(device.name(), "cuda:1");
  EXPECT_EQ(device.text(), "cuda:1, GPU B: the first GPU that can be used");
  EXPECT_EQ(device.libraries, "/libraries");
}

TEST(RunDevice, AutoWithoutTheLibrariesIsTheCpuAndSaysWhatBringsThem) {
  const RunDevice device = choose_device("auto", "", with_gpus({90}), kMissing);
  EXPECT_FALSE(device.cuda);
  EXPECT_EQ(
      device.reason,
      "the GPU (GPU A) is not used: LibTorch's CUDA library "
      "torch/lib/libtorch_cuda.so is not there (looked in /first and /second); "
      "tools/setup --cuda brings it");
}

TEST(RunDevice, ANamedGpuWithoutTheLibrariesStopsTheRun) {
  EXPECT_THAT(
      message("cuda:0", with_gpus({90}), kMissing),
      AllOf(
          HasSubstr("run.device = \"cuda:0\" (run.toml:4): "),
          HasSubstr("is not there (looked in /first and /second); run "
                    "tools/setup --cuda, or give its folder in "
                    "run.cuda_libraries")));
}

TEST(RunDevice, AGpuThatIsNotThereIsToldWithThoseThatAre) {
  EXPECT_THAT(
      message("cuda:2", with_gpus({90, 89}), kFound),
      HasSubstr("expected a GPU of this machine, which has cuda:0 and cuda:1; "
                "name one of them"));
}

TEST(RunDevice, AnOldDriverIsNamedWithWhatIsNeeded) {
  const CudaDriver old = with_gpus({90}, 12080);
  EXPECT_THAT(
      message("cuda", old, kFound),
      HasSubstr("a driver for CUDA 13.0 (580 or newer), and this one is for "
                "CUDA 12.8; update the driver, or set run.device"));
  const RunDevice device = choose_device("auto", "", old, kFound);
  EXPECT_FALSE(device.cuda);
  EXPECT_THAT(device.reason, HasSubstr("CUDA 12.8"));
}

TEST(RunDevice, AnOldGpuIsNamedWithItsCapability) {
  EXPECT_THAT(
      message("cuda", with_gpus({61}), kFound),
      HasSubstr("compute capability 8.0 or above, and GPU A has 6.1"));
}

TEST(RunDevice, CpuIsTheCpuWhateverIsThere) {
  const RunDevice device = choose_device("cpu", "", with_gpus({90}), kFound);
  EXPECT_FALSE(device.cuda);
  EXPECT_EQ(device.text(), "cpu: asked for");
}

TEST(RunDevice, FactsOfTheGpuAreInTheRowsAndInTheJson) {
  RunDevice device = choose_device("cuda", "", with_gpus({120}), kFound);
  device.versions = {"13.0", "13.10.0", "9.20.0"};
  using Row = std::pair<std::string, std::string>;
  EXPECT_THAT(
      device.rows(),
      ::testing::ElementsAre(
          Row{"GPU", "GPU A"},
          Row{"compute capability", "12.0"},
          Row{"GPU memory", "80.0 GB"},
          Row{"driver", "580.65.06, for CUDA 13.0"},
          Row{"CUDA", "13.0"},
          Row{"cuBLAS", "13.10.0"},
          Row{"cuDNN", "9.20.0"}));
  EXPECT_EQ(to_json(device), nlohmann::json::parse(R"({
        "asked": "cuda", "name": "cuda:0", "reason": "asked for",
        "gpu": {"name": "GPU A", "capability": "12.0",
                "memory": 80000000000, "driver": "580.65.06",
                "driver_cuda": "13.0", "cuda": "13.0", "cublas": "13.10.0",
                "cudnn": "9.20.0"}})"));
}

} // namespace
} // namespace octet
