// What a Gemm of torchao keeps, shares, measures and refuses; its numbers are
// in golden_test.cpp.
#include "plugins/torchao/gemm.h"
#include "plugins/torchao/cast.h"
#include "plugins/torchao/scaled_mm.h"
#include "tests/plugins/gemm_checks.h"

#include <octet/error.h>

#include <ATen/ops/equal.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

namespace octet::torchao {
namespace {

using octet::testing::FixedWeight;
using ::testing::HasSubstr;

std::shared_ptr<Settings> settings_of(const std::string& recipe) {
  auto settings = std::make_shared<Settings>();
  settings->recipe = make_recipe(recipe, false);
  settings->emulate = true;
  return settings;
}

at::Tensor random(at::IntArrayRef shape, uint64_t seed) {
  return octet::testing::random(shape, seed).to(at::kBFloat16);
}

class TorchaoGemm : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Gemm> gemm() const {
    return make_float8_gemm(settings_of(GetParam()), "layer");
  }
};

INSTANTIATE_TEST_SUITE_P(
    Recipes,
    TorchaoGemm,
    ::testing::Values("tensorwise", "rowwise", "rowwise_with_gw_hp"));

// FP8 has 4 significant bits, so a product of two casts is off by a few
// percent and no more: a wrong scale or operand would show.
TEST_P(TorchaoGemm, ProductsAreThoseOfHighPrecisionUpToTheCasts) {
  octet::testing::check_products(*gemm(), at::kBFloat16, {33, 48, 32}, 0.08);
  octet::testing::check_products(*gemm(), at::kFloat, {33, 48, 32}, 0.08);
}

TEST_P(TorchaoGemm, AFrozenWeightKeepsNothing) {
  octet::testing::check_frozen(*gemm(), at::kBFloat16);
}

TEST_P(TorchaoGemm, SitesOfAGroupShareOneCastOfTheirInput) {
  const Activation x{random({5, 16}, 1)};
  const FixedWeight weight(random({32, 16}, 2), false);
  const at::Tensor alone = gemm()->forward({x.value}, weight, {}, nullptr);
  gemm()->forward(x, weight, {}, nullptr);
  ASSERT_NE(x.quantized, nullptr);
  EXPECT_TRUE(at::equal(gemm()->forward(x, weight, {}, nullptr), alone));
  // A second site reads what the first one left.
  auto cast = std::static_pointer_cast<Float8Tensor>(x.quantized);
  cast->values = at::zeros_like(cast->values);
  EXPECT_EQ(
      gemm()->forward(x, weight, {}, nullptr).abs().max().item<double>(), 0);
}

TEST_P(TorchaoGemm, NoTokensGiveNoRows) {
  const FixedWeight weight(random({32, 16}, 2), false);
  Saved saved;
  const auto one = gemm();
  const at::Tensor y = one->forward({random({0, 16}, 1)}, weight, {}, &saved);
  EXPECT_EQ(y.sizes(), (std::vector<int64_t>{0, 32}));
  GradRequest want;
  want.weight = at::zeros({32, 16});
  EXPECT_EQ(
      one->backward(y, saved, weight, {}, want).sizes(),
      (std::vector<int64_t>{0, 16}));
  EXPECT_EQ(want.weight.abs().max().item<double>(), 0);
}

TEST_P(TorchaoGemm, CastsAreMeasuredOnlyWhenWatched) {
  const auto one = gemm();
  const FixedWeight weight(random({32, 16}, 2), false);
  Saved saved;
  StepContext context;
  const at::Tensor y =
      one->forward({random({5, 16}, 1)}, weight, context, &saved);
  EXPECT_TRUE(one->statistics().empty());
  context.watch = true;
  saved.clear();
  one->forward({random({5, 16}, 1)}, weight, context, &saved);
  ASSERT_EQ(one->statistics().size(), 2u);
  one->backward(y, saved, weight, context, {});
  const auto rows = one->statistics();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].tensor, "input");
  EXPECT_EQ(rows[1].tensor, "weight");
  EXPECT_EQ(rows[2].tensor, "grad_output");
  for (const CastStatistics& row : rows) {
    EXPECT_GT(row.amax, 0) << row.tensor;
    EXPECT_GT(row.scale, 0) << row.tensor;
    EXPECT_GT(row.sqnr_db, 15) << row.tensor;
    EXPECT_EQ(row.overflow, 0) << row.tensor;
  }
  EXPECT_TRUE(one->state().empty());
}

// Evaluation and recomputed forwards cannot change what follows: there is no
// state, so the same call gives the same bits.
TEST_P(TorchaoGemm, NothingIsRememberedBetweenCalls) {
  const auto one = gemm();
  const FixedWeight weight(random({32, 16}, 2), false);
  const at::Tensor x = random({5, 16}, 1);
  StepContext evaluation;
  evaluation.view = ModelView::evaluation;
  const at::Tensor y = one->forward({x}, weight, {}, nullptr);
  one->forward({x * 1000}, weight, evaluation, nullptr);
  EXPECT_TRUE(at::equal(one->forward({x}, weight, {}, nullptr), y));
}

TEST(TorchaoScaledMm, RefusedProductsNameTheSiteAndAWayOut) {
  auto settings = settings_of("rowwise");
  settings->emulate = false;
  const auto gemm = make_float8_gemm(settings, "model.layers.3.mlp.up_proj");
  const FixedWeight weight(random({32, 48}, 2), false);
  try {
    gemm->forward({random({16, 16}, 1)}, weight, {}, nullptr);
    FAIL() << "expected an error: the inner dimensions differ";
  } catch (const Error& error) {
    EXPECT_THAT(
        error.what(),
        HasSubstr("[torchao] model.layers.3.mlp.up_proj (output): "
                  "at::_scaled_mm cannot compute this product here: "));
    EXPECT_THAT(error.what(), HasSubstr("precision.backend = \"bf16\""));
  }
}

TEST(TorchaoScaledMm, AlignmentOfAGpuIsToldBeforeItsKernelFails) {
  EXPECT_EQ(alignment_problem(32, 48, false), "");
  EXPECT_EQ(alignment_problem(33, 48, true), "");
  EXPECT_THAT(
      alignment_problem(33, 48, false),
      HasSubstr("FP8 products need an inner dimension that is a multiple of "
                "16, got 33; set precision.torchao.pad_inner_dim = true"));
  EXPECT_THAT(alignment_problem(32, 40, true), HasSubstr("got 40"));
}

} // namespace
} // namespace octet::torchao
