// Transformer Engines that a run cannot have, through the program. The
// libraries are tests/fixtures/te_reference/broken; one beside a cuBLAS that is
// too old is among the wrong turns.
#include "core/plugin/loaded_plugin.h"
#include "tests/integration/fp8_present.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class TeLoading : public Fp8PresentRun {
 protected:
  ProcessResult with_library(const std::string& library) const {
    return with_fp8_present(
        {"precision.backend=te",
         "precision.te.library=" + (tests() / "te" / library).string()});
  }
};

TEST_F(TeLoading, TeWithoutNvrtcNamesThePackage) {
  const ProcessResult result = with_library("without_nvrtc");
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("the symbol nvrtcGetCUBINSize is missing: Transformer "
                    "Engine uses NVRTC without linking it"),
          HasSubstr("install nvidia-cuda-nvrtc of the same CUDA version")));
}

TEST_F(TeLoading, AnOldTransformerEngineNamesTheVersionsThatFit) {
  const ProcessResult result = with_library("before_2_4");
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      HasSubstr("expected Transformer Engine 2.4 to 2.20, found an older one: "
                "nvte_make_shape is missing"));
}

TEST_F(TeLoading, ANewerTransformerEngineNamesTheVersionsThatFit) {
  const fs::path site = folder() / "site";
  fs::create_directories(site / "transformer_engine/wheel_lib");
  fs::create_directory(site / "transformer_engine_cu13-2.21.0.dist-info");
  fs::create_symlink(
      tests() / "te/libtransformer_engine.so",
      site / "transformer_engine/wheel_lib/libtransformer_engine.so");
  const ProcessResult result = with_fp8_present(
      {"precision.backend=te", "precision.te.library=" + site.string()});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("expected Transformer Engine 2.4 to 2.20, found 2.21.0"),
          HasSubstr("install transformer-engine-cu13==2.20.2")));
}

// The symbols are those of 2.17 and newer, and no wheel's folder says more.
TEST_F(TeLoading, AVersionThatCannotBeReadIsInThePlan) {
  const ProcessResult result = with_library("without_a_version");
  EXPECT_THAT(
      result.out,
      HasSubstr("precision: te (asked), 14 of 15 linears (Transformer Engine "
                "2.17 or newer, delayed scaling, HYBRID; the version could not "
                "be read"));
}

TEST_F(TeLoading, ATransformerEngineThatLinksTheDriverSaysSo) {
  if (host_facts().cuda_device_count > 0) {
    GTEST_SKIP() << "this machine has the driver";
  }
  const ProcessResult result = with_library("needs_libcuda");
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      HasSubstr("Transformer Engine 2.17 and 2.18 link the NVIDIA driver's "
                "libcuda.so.1, and there is none here"));
}

TEST_F(TeLoading, ALibraryThatIsNotTransformerEngineIsRefused) {
  const ProcessResult result = with_library("another_library");
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      HasSubstr("expected Transformer Engine, found a library without "
                "nvte_create_tensor"));
}

TEST_F(TeLoading, ATransformerEngineWithoutItsFunctionsListsThem) {
  const ProcessResult result = with_library("without_gemm");
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      HasSubstr("expected Transformer Engine 2.4 to 2.20, found one without "
                "nvte_compute_amax, nvte_cublas_gemm"));
}

} // namespace
} // namespace octet
