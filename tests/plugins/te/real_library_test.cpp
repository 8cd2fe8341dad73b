// The real libtransformer_engine.so of the wheel, without a driver: symbols,
// tensor and config calls, and what it says about the missing GPU. Skipped
// where tools/setup --te did not bring it.
#include "plugins/te/device.h"
#include "plugins/te/places.h"
#include "tests/plugins/te/te_fixture.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include <dlfcn.h>

namespace octet {
namespace {

using namespace te_testing;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RealTransformerEngine : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    const fs::path root = cache != nullptr && cache[0] == '/'
        ? fs::path(cache)
        : fs::path(home != nullptr ? home : "/") / ".cache";
    file_ = te::library_in(root / "octet/transformer-engine");
    if (file_.empty()) {
      GTEST_SKIP() << "no Transformer Engine wheel; tools/setup --te brings it";
    }
    library_ = te::Library::load(file_);
  }
  fs::path file_;
  std::shared_ptr<const te::Library> library_;
};

TEST_F(RealTransformerEngine, LoadsWithEveryFunctionThatIsBound) {
  EXPECT_THAT(library_->version(), StartsWith("2.20"));
  EXPECT_EQ(library_->warning(), "");
  EXPECT_TRUE(library_->has_mxfp8());
  // The companions beside it were used, and NVRTC is in the global scope.
  EXPECT_NE(::dlsym(RTLD_DEFAULT, "nvrtcGetCUBINSize"), nullptr);
  EXPECT_NE(::dlsym(RTLD_DEFAULT, "cudaGetDriverEntryPointByVersion"), nullptr);
}

TEST_F(RealTransformerEngine, TensorsAndConfigsWorkWithoutADriver) {
  const at::Tensor x = at::zeros({32, 64}, at::kBFloat16);
  const auto read = reinterpret_cast<te::abi::BasicTensor (*)(
      te::abi::Tensor, te::abi::TensorParam)>(
      library_->symbol("nvte_get_tensor_param"));
  ASSERT_NE(read, nullptr);
  const te::Handle handle(*library_, x);
  const te::abi::BasicTensor back = read(handle.get(), te::abi::kRowwiseData);
  EXPECT_EQ(back.data_ptr, x.data_ptr());
  EXPECT_EQ(back.dtype, te::abi::kBFloat16);
  EXPECT_EQ(back.shape.ndim, 2u);
  EXPECT_EQ(back.shape.data[0], 32u);
  EXPECT_EQ(back.shape.data[1], 64u);

  te::Handle fp8(*library_, te::abi::kTensorScaling);
  float amax = 0;
  fp8.set_scalar(te::abi::kAmax, &amax);
  EXPECT_EQ(read(fp8.get(), te::abi::kAmax).data_ptr, &amax);
  fp8.clear(te::abi::kAmax, te::abi::kFloat32);
  EXPECT_EQ(read(fp8.get(), te::abi::kAmax).data_ptr, nullptr);
  te::Handle(*library_, te::abi::kMxfp8Scaling).set_swizzled();

  const auto attribute = reinterpret_cast<void (*)(
      te::abi::QuantizationConfig,
      te::abi::QuantizationAttribute,
      void*,
      size_t,
      size_t*)>(library_->symbol("nvte_get_quantization_config_attribute"));
  ASSERT_NE(attribute, nullptr);
  for (const bool power_of_two : {true, false}) {
    const te::QuantizationConfig config(*library_, power_of_two);
    uint8_t value = 7;
    size_t written = 0;
    attribute(config.get(), te::abi::kForcePow2Scales, &value, 1, &written);
    EXPECT_EQ(value, power_of_two ? 1 : 0);
  }
}

TEST_F(RealTransformerEngine, HandlesComeBackToThePool) {
  // More than the pool of 20 MiB holds.
  for (int i = 0; i < 200'000; ++i) {
    const te::Handle handle(*library_, te::abi::kTensorScaling);
  }
}

TEST_F(RealTransformerEngine, ItsChecksBecomeErrorsWithTheirText) {
  te::Handle in(*library_, te::abi::kTensorScaling);
  te::Handle out(*library_, te::abi::kTensorScaling);
  EXPECT_THAT(
      message_of([&] {
        library_->call(
            "nvte_compute_scale_from_amax",
            library_->functions().compute_scale_from_amax,
            out.get(),
            te::abi::QuantizationConfig(nullptr),
            te::abi::Stream(nullptr));
      }),
      ::testing::AllOf(
          HasSubstr("[te] nvte_compute_scale_from_amax of Transformer Engine"),
          HasSubstr("Tensor must be FP8")));
}

TEST_F(RealTransformerEngine, AMissingDriverIsSaidInItsWords) {
  if (::dlopen("libcuda.so.1", RTLD_LAZY) != nullptr) {
    GTEST_SKIP() << "this machine has a driver, so nothing says it is missing";
  }
  te::Products products(library_, 90);
  EXPECT_THAT(
      message_of([&] { products.any_layout(); }),
      ::testing::AllOf(
          HasSubstr("nvte_is_non_tn_fp8_gemm_supported"),
          HasSubstr("driver version is insufficient"),
          HasSubstr("install an NVIDIA driver that is new enough")));
}

} // namespace
} // namespace octet
