// The real Transformer Engine on a GPU, through the plugin: its update replays
// the golden steps bit for bit, its casts are those of cuda_fp8.h byte for
// byte, its products are those of the reference library. Skipped without a GPU;
// tools/gpu_check runs it.
//
// Not run on hardware yet.
#include "core/cuda/driver.h"
#include "core/cuda/libraries.h"
#include "plugins/te/device.h"
#include "tests/plugins/te/compare_casts.h"
#include "tests/plugins/te/replay.h"
#include "tests/plugins/te/te_fixture.h"

#include <ATen/ops/linalg_vector_norm.h>

namespace octet {
namespace {

using namespace te_testing;

class TransformerEngineOnAGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    const CudaDriver& driver = cuda_driver();
    if (driver.devices.empty()) {
      GTEST_SKIP() << "no GPU: " << driver.problem;
    }
    capability_ = driver.devices.front().capability;
    if (capability_ < 89) {
      GTEST_SKIP() << driver.devices.front().name << " has no FP8";
    }
    const CudaLibraries cuda = find_cuda_libraries("", "");
    if (cuda.folder.empty()) {
      GTEST_SKIP() << "tools/setup --cuda brings what this test loads";
    }
    load_torch_cuda(cuda.folder);
    // Wherever a run finds it: what pip installed is as good.
    std::filesystem::path file;
    try {
      file = te::find_library(te::Search::usual(""));
    } catch (const Error& error) {
      const std::string message = error.what();
      ASSERT_NE(message.find("is not installed"), std::string::npos) << message;
      GTEST_SKIP() << message;
    }
    library_ = te::Library::load(file);
  }

  /// The layer of the plugin, on the real library.
  std::unique_ptr<te::Backend> backend(OptionList options = {}) const {
    return std::make_unique<te::Backend>(
        library_, te::read_settings(Options(options.get())), capability_);
  }

  unsigned capability_ = 0;
  std::shared_ptr<const te::Library> library_;
};

TEST_F(TransformerEngineOnAGpu, ReplaysTheGoldenStepsBitForBit) {
  EXPECT_EQ(replay_golden_steps(library_, at::Device(at::kCUDA, 0)), 2280);
}

TEST_F(TransformerEngineOnAGpu, CastsOfEveryBf16ValueAreThoseOfCudaFp8) {
  if (!has_cuda_casts()) {
    GTEST_SKIP() << "the build found no cuda_fp8.h to compare with; "
                    "tools/setup --te brings it";
  }
  for (const bool e5m2 : {false, true}) {
    expect_casts_of_cuda_fp8(*library_, at::Device(at::kCUDA, 0), e5m2);
  }
}

/// ||a - b|| / ||b||
double difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.cpu().to(at::kDouble), y = b.cpu().to(at::kDouble);
  return (at::linalg_vector_norm(x - y) / at::linalg_vector_norm(y))
      .item<double>();
}

struct Results {
  at::Tensor y, grad_x, grad_w;
};

/// Three microbatches of one layer; what the last one gives. The sizes are more
/// than one block of each recipe, and no multiple of the blocks of 128.
Results train(te::Backend& backend, const at::Device& device) {
  constexpr int64_t kIn = 160, kOut = 288, kTokens = 48;
  const auto gemm =
      backend.make_gemm(site("model.layers.0.mlp.up_proj", kIn, kOut));
  const Weight weight{random({kOut, kIn}, 3).to(device, at::kBFloat16)};
  Results last;
  for (int64_t step = 1; step <= 3; ++step) {
    const auto seed = static_cast<uint64_t>(10 * step);
    const at::Tensor x = random({kTokens, kIn}, seed).to(device, at::kBFloat16);
    const at::Tensor grad =
        (random({kTokens, kOut}, seed + 1) * 1e-3).to(device, at::kBFloat16);
    Saved saved;
    GradRequest want;
    want.weight = random({kOut, kIn}, 5).zero_().to(device);
    last.y = gemm->forward({x}, weight, training(step), &saved);
    last.grad_x = gemm->backward(grad, saved, weight, training(step), want);
    last.grad_w = want.weight;
    backend.end_microbatch(training(step));
    backend.end_step(training(step));
  }
  return last;
}

// FP8 operands are the same bytes; the order of sums and fast accumulation
// leave about 1e-3.
TEST_F(TransformerEngineOnAGpu, ProductsAreThoseOfTheReferenceLibrary) {
  for (const char* recipe : {"delayed", "current", "block", "mxfp8"}) {
    SCOPED_TRACE(recipe);
    OptionList options;
    options.set("recipe", recipe);
    // Those of other GPUs are not this one's to run.
    const auto kind = te::read_settings(Options(options.get())).recipe;
    if (!te::refuse_capability(kind, capability_).empty()) {
      continue;
    }
    const Results found = train(*backend(options), at::Device(at::kCUDA, 0));
    const Results expected =
        train(*make_backend(options, capability_), at::kCPU);
    EXPECT_LT(difference(found.y, expected.y), 5e-3);
    EXPECT_LT(difference(found.grad_x, expected.grad_x), 5e-3);
    EXPECT_LT(difference(found.grad_w, expected.grad_w), 5e-3);
  }
}

} // namespace
} // namespace octet
