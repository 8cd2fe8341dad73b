// Both ways of the bf16 backend, and which one a machine takes.
#include "plugins/bf16/backend.h"
#include "tests/plugins/gemm_checks.h"

namespace octet {
namespace {

// A result rounded to 8 significant bits is off by up to 2^-9 of its size.
constexpr double kRounding = 4e-3;

TEST(Bf16, WidenedProductsDifferByOneRoundingOnly) {
  const auto gemm = bf16::make_widened_gemm();
  testing::check_products(*gemm, at::kBFloat16, {7, 5, 9}, kRounding);
  // More rows of the weight than one block.
  testing::check_products(*gemm, at::kBFloat16, {3, 1500, 4000}, kRounding);
}

TEST(Bf16, NativeProductsDifferByOneRoundingOnly) {
  const auto gemm = bf16::make_native_gemm();
  testing::check_products(*gemm, at::kBFloat16, {7, 5, 9}, kRounding);
  testing::check_products(*gemm, at::kBFloat16, {40, 70, 33}, kRounding);
}

TEST(Bf16, WidenedGradientOfTheWeightIsNotRounded) {
  const auto gemm = bf16::make_widened_gemm();
  const at::Tensor x = testing::random({64, 8}, 1).to(at::kBFloat16);
  const at::Tensor grad = testing::random({64, 6}, 2).to(at::kBFloat16);
  const testing::FixedWeight weight(
      testing::random({6, 8}, 3).to(at::kBFloat16), false);
  Saved saved;
  gemm->forward({x}, weight, {}, &saved);
  GradRequest want;
  want.weight = at::zeros({6, 8});
  gemm->backward(grad, saved, weight, {}, want);
  const at::Tensor expected =
      at::matmul(grad.to(at::kDouble).t(), x.to(at::kDouble));
  EXPECT_LT(testing::relative_error(want.weight, expected), 1e-6);
}

TEST(Bf16, FrozenWeightKeepsNothing) {
  testing::check_frozen(*bf16::make_widened_gemm(), at::kBFloat16);
  testing::check_frozen(*bf16::make_native_gemm(), at::kBFloat16);
}

TEST(Bf16, InstructionsDecideTheWayAndTheReasonSaysIt) {
  OctetHost host{};
  host.cpu_avx2 = host.cpu_avx512f = 1;
  EXPECT_FALSE(bf16::has_bf16_products(host));
  EXPECT_NE(bf16::describe(host).find("widened"), std::string::npos);
  host.cpu_avx512_bf16 = 1;
  EXPECT_TRUE(bf16::has_bf16_products(host));
  EXPECT_NE(bf16::describe(host).find("AVX512-BF16"), std::string::npos);
  host.cpu_amx_bf16 = 1;
  EXPECT_NE(bf16::describe(host).find("AMX"), std::string::npos);
  host.cpu_amx_bf16 = host.cpu_avx512_bf16 = 0;
  host.cuda_device_count = 1;
  EXPECT_TRUE(bf16::has_bf16_products(host));
  EXPECT_NE(bf16::describe(host).find("GPU"), std::string::npos);
}

TEST(Bf16, EmbeddingsAreLeftAloneWithAReason) {
  bf16::Backend backend(false);
  EXPECT_TRUE(backend.accepts(testing::linear_site()).accepted);
  EXPECT_FALSE(backend.accepts(testing::embedding_site()).reason.empty());
}

} // namespace
} // namespace octet
