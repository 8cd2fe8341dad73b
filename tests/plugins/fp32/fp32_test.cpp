// The fp32 backend's products.
#include "plugins/fp32/backend.h"
#include "tests/plugins/gemm_checks.h"

namespace octet {
namespace {

TEST(Fp32, ProductsAreExactToSinglePrecision) {
  fp32::Backend backend;
  const auto gemm = backend.make_gemm(testing::linear_site());
  testing::check_products(*gemm, at::kFloat, {7, 5, 9}, 1e-6);
  testing::check_products(*gemm, at::kFloat, {130, 70, 33}, 1e-6);
}

TEST(Fp32, FrozenWeightKeepsNothing) {
  fp32::Backend backend;
  testing::check_frozen(*backend.make_gemm(testing::linear_site()), at::kFloat);
}

TEST(Fp32, EmbeddingsAreLeftAloneWithAReason) {
  fp32::Backend backend;
  EXPECT_TRUE(backend.accepts(testing::linear_site()).accepted);
  const SiteVerdict verdict = backend.accepts(testing::embedding_site());
  EXPECT_FALSE(verdict.accepted);
  EXPECT_FALSE(verdict.reason.empty());
}

} // namespace
} // namespace octet
