// The three products of a layer under every recipe, against plain loops over
// values rounded here; layouts, padding, accumulators.
#include "plugins/te/statistics.h"
#include "tests/plugins/te/te_fixture.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace octet {
namespace {

using namespace te_testing;
using te_reference::Call;

/// E4M3 or E5M2 by the definition of the formats: the nearest of the values
/// mantissa * 2^exponent. Written without the bit tricks of the reference.
double rounded(double value, bool e5m2) {
  const int mantissa = e5m2 ? 2 : 3, lowest = e5m2 ? -14 : -6;
  const double largest = e5m2 ? 57344 : 448;
  if (value == 0) {
    return 0;
  }
  const int exponent = std::max(
      static_cast<int>(std::floor(std::log2(std::fabs(value)))), lowest);
  const double unit = std::ldexp(1, exponent - mantissa);
  return std::clamp(std::nearbyint(value / unit) * unit, -largest, largest);
}

/// x after a cast whose scale is one for each `block_rows` x `block_columns`.
at::Tensor cast(
    const at::Tensor& x,
    bool e5m2,
    int64_t block_rows,
    int64_t block_columns,
    bool power_of_two) {
  at::Tensor out = x.to(at::kDouble).contiguous().clone();
  const double largest = e5m2 ? 57344 : 448;
  for (int64_t r = 0; r < x.size(0); r += block_rows) {
    for (int64_t c = 0; c < x.size(1); c += block_columns) {
      at::Tensor block =
          out.slice(0, r, std::min(r + block_rows, x.size(0)))
              .slice(1, c, std::min(c + block_columns, x.size(1)));
      const double amax = block.abs().max().item<double>();
      double scale =
          amax == 0 ? 1 : static_cast<double>(float(largest) / float(amax));
      if (power_of_two) {
        scale = std::exp2(std::floor(std::log2(scale)));
      }
      for (int64_t i = 0; i < block.size(0); ++i) {
        for (int64_t j = 0; j < block.size(1); ++j) {
          const double value = block[i][j].item<double>();
          // The product is an fp32 one: it meets ties that fp64 misses.
          const double product = float(value) * float(scale);
          block[i][j] = rounded(product, e5m2) / scale;
        }
      }
    }
  }
  return out;
}

constexpr int64_t kWhole = 1 << 20;

struct Blocks {
  int64_t rows = kWhole, columns = kWhole;
};

/// What one layer computes, and what it should.
struct Case {
  std::string recipe;
  bool e5m2_gradients = true;
  /// Of the input and of gradients along and across their rows, of weights.
  Blocks along, across, weight;
  bool power_of_two = false;
};

const Case kCases[] = {
    {"current", true, {}, {}, {}, false},
    {"block", false, {1, 128}, {128, 1}, {128, 128}, true},
    {"mxfp8", false, {1, 32}, {32, 1}, {}, true},
};

double relative(const at::Tensor& found, const at::Tensor& expected) {
  return ((found.to(at::kDouble) - expected).norm() / expected.norm())
      .item<double>();
}

class Products : public ::testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  const Case& recipe() const {
    return kCases[std::get<0>(GetParam())];
  }
  bool any_layout() const {
    return std::get<1>(GetParam());
  }
  std::unique_ptr<Gemm> layer(int64_t in, int64_t out) {
    backend_ = make_backend(OptionList().set("recipe", recipe().recipe));
    reference(any_layout());
    return backend_->make_gemm(site("l.up_proj", in, out));
  }
  std::unique_ptr<te::Backend> backend_;
};

// 37 tokens: rows are padded. 160 inputs: a block of 128 and a part of one.
TEST_P(Products, EqualPlainProductsOfRoundedValues) {
  const int64_t m = 37, k = 160, n = 192;
  const auto gemm = layer(k, n);
  const at::Tensor x = random({m, k}, 1).to(at::kBFloat16);
  const at::Tensor w = (random({n, k}, 2) * 0.02).to(at::kBFloat16);
  const at::Tensor grad = (random({m, n}, 3) * 1e-3).to(at::kBFloat16);
  const Weight weight(w);
  Saved saved;
  const at::Tensor y = gemm->forward({x}, weight, training(), &saved);
  GradRequest want;
  want.weight = at::full({n, k}, 0.5f);
  const at::Tensor grad_x =
      gemm->backward(grad, saved, weight, training(), want);

  const Case& c = recipe();
  const bool p2 = c.power_of_two, e5m2 = c.e5m2_gradients;
  const bool mx = c.recipe == "mxfp8";
  const auto cast_along = [&](const at::Tensor& t, bool wide) {
    return cast(t, wide, c.along.rows, c.along.columns, p2);
  };
  const auto cast_across = [&](const at::Tensor& t, bool wide) {
    return cast(t, wide, c.across.rows, c.across.columns, p2);
  };
  const auto cast_weight = [&](bool transposed) {
    return !mx       ? cast(w, false, c.weight.rows, c.weight.columns, p2)
        : transposed ? cast_across(w, false)
                     : cast_along(w, false);
  };
  ASSERT_EQ(y.sizes(), (at::IntArrayRef{m, n}));
  ASSERT_EQ(grad_x.sizes(), (at::IntArrayRef{m, k}));
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(y.is_contiguous());
  // bf16 results: one rounding of 2^-9. MXFP8's exponent is rounded up from
  // amax / 448 where this rounds 448 / amax down: the same power of two.
  EXPECT_LT(
      relative(y, cast_along(x, false).mm(cast_weight(false).t())), 2.5e-3);
  EXPECT_LT(
      relative(grad_x, cast_along(grad, e5m2).mm(cast_weight(true))), 2.5e-3);
  // fp32, added to what was there. 11 more rows are zeros.
  const auto padded = [&](const at::Tensor& t) {
    at::Tensor more = at::zeros({mx ? 64 : 48, t.size(1)}, t.options());
    more.slice(0, 0, m).copy_(t);
    return more;
  };
  const at::Tensor expected =
      cast_across(padded(grad), e5m2).t().mm(cast_across(padded(x), false));
  EXPECT_LT(relative(want.weight - 0.5, expected), 2e-4);
}

TEST_P(Products, AreCalledAsTransformerEnginesRecipesDo) {
  const auto gemm = layer(32, 64);
  const Weight weight(random({64, 32}, 2));
  calls();
  Saved saved;
  gemm->forward(
      {random({32, 32}, 1).to(at::kBFloat16)}, weight, training(), &saved);
  GradRequest want;
  want.weight = at::zeros({64, 32});
  gemm->backward(
      random({32, 64}, 3).to(at::kBFloat16), saved, weight, training(), want);
  std::vector<Call> products;
  for (const Call& call : calls()) {
    if (call.kind == Call::gemm) {
      products.push_back(call);
    }
  }
  ASSERT_EQ(products.size(), 3u);
  const Call &forward = products[0], &wgrad = products[1], &dgrad = products[2];
  const bool fine_grained = recipe().recipe != "current";
  EXPECT_EQ(forward.transa && !forward.transb, true) << "TN";
  EXPECT_EQ(forward.split_accumulator, fine_grained);
  EXPECT_FALSE(forward.grad || forward.accumulate);
  EXPECT_EQ(!dgrad.transa && !dgrad.transb, true) << "NN";
  EXPECT_TRUE(dgrad.grad && dgrad.split_accumulator && !dgrad.accumulate);
  EXPECT_EQ(!wgrad.transa && wgrad.transb, true) << "NT";
  EXPECT_TRUE(wgrad.grad && wgrad.split_accumulator && wgrad.accumulate);
  const bool copies = fine_grained || !any_layout();
  EXPECT_FALSE(forward.a_columnwise || forward.b_columnwise);
  EXPECT_EQ(dgrad.a_columnwise, copies);
  EXPECT_FALSE(dgrad.b_columnwise);
  EXPECT_EQ(wgrad.a_columnwise, copies);
  EXPECT_EQ(wgrad.b_columnwise, copies);
}

INSTANTIATE_TEST_SUITE_P(
    Recipes,
    Products,
    ::testing::Combine(::testing::Range(0, 3), ::testing::Bool()),
    [](const auto& info) {
      return kCases[std::get<0>(info.param)].recipe +
          (std::get<1>(info.param) ? "AnyLayout" : "OneLayout");
    });

TEST(Padding, ChangesNoAmaxAndNoOtherRow) {
  const auto backend = make_backend();
  const auto gemm = backend->make_gemm(site("l.up_proj", 32, 48));
  const Weight weight(random({48, 32}, 2));
  const at::Tensor x = random({21, 32}, 1).to(at::kBFloat16);
  const at::Tensor y = gemm->forward({x}, weight, training(), nullptr);
  EXPECT_EQ(y.size(0), 21);
  backend->end_microbatch(training());
  EXPECT_EQ(
      by_name(gemm->state()).at("input.amax_history")[15].item<double>(),
      x.to(at::kFloat).abs().max().item<double>());
  const at::Tensor one =
      gemm->forward({x.slice(0, 0, 1)}, weight, StepContext{}, nullptr);
  const at::Tensor all = gemm->forward({x}, weight, StepContext{}, nullptr);
  EXPECT_TRUE(at::equal(one, all.slice(0, 0, 1)));
}

TEST(Products, NoTokensGiveNoRows) {
  const auto backend = make_backend();
  const auto gemm = backend->make_gemm(site("l.up_proj", 32, 48));
  const Weight weight(random({48, 32}, 2));
  const at::Tensor x = random({0, 32}, 1).to(at::kBFloat16);
  StepContext context = training();
  context.watch = true;
  Saved saved;
  const at::Tensor y = gemm->forward({x}, weight, context, &saved);
  EXPECT_EQ(y.sizes(), (std::vector<int64_t>{0, 48}));
  GradRequest want;
  want.weight = at::full({48, 32}, 1.0f);
  EXPECT_EQ(gemm->backward(y, saved, weight, context, want).sizes(), x.sizes());
  EXPECT_TRUE(at::equal(want.weight, at::full({48, 32}, 1.0f)));
}

TEST(Products, AFrozenWeightKeepsNothingAndGetsNoGradient) {
  const auto backend = make_backend();
  const auto gemm = backend->make_gemm(site("l.up_proj", 32, 48));
  const Weight frozen(random({48, 32}, 2), /*is_frozen=*/true);
  const at::Tensor x = random({16, 32}, 1).to(at::kBFloat16);
  Saved saved;
  calls();
  const at::Tensor y = gemm->forward({x}, frozen, training(), &saved);
  EXPECT_TRUE(saved.tensors.empty());
  GradRequest want;
  want.input = false;
  EXPECT_FALSE(gemm->backward(y, saved, frozen, training(), want).defined());
  want.input = true;
  const at::Tensor grad_x = gemm->backward(y, saved, frozen, training(), want);
  EXPECT_EQ(grad_x.sizes(), x.sizes());
  // No transposed copy of activations is made for it.
  for (const Call& call : calls()) {
    if (call.kind == Call::quantize && call.rows == 16) {
      EXPECT_FALSE(call.columnwise);
    }
  }
}

TEST(Products, AGradientAccumulatorWithStridesIsAddedToAsWell) {
  const auto backend = make_backend();
  const auto gemm = backend->make_gemm(site("l.up_proj", 32, 48));
  const Weight weight(random({48, 32}, 2));
  const at::Tensor x = random({16, 32}, 1).to(at::kBFloat16);
  const at::Tensor grad = random({16, 48}, 3).to(at::kBFloat16);
  GradRequest plain, strided;
  plain.weight = at::full({48, 32}, 1.0f);
  strided.weight = at::full({32, 48}, 1.0f).t();
  for (GradRequest* want : {&plain, &strided}) {
    Saved saved;
    gemm->forward({x}, weight, training(), &saved);
    gemm->backward(grad, saved, weight, training(), *want);
  }
  EXPECT_LT(relative(strided.weight, plain.weight.to(at::kDouble)), 1e-6);
  EXPECT_GT((plain.weight - 1).abs().max().item<double>(), 1);
}

TEST(Products, WhatTheLibraryThrowsBecomesAnErrorWithItsText) {
  const auto library = reference();
  te::Products products(library, 90);
  const at::Tensor x = random({16, 32}, 1).to(at::kBFloat16);
  te::Quantized rowwise =
      te::allocate(x, te::abi::kTensorScaling, te::abi::kFloat8E4M3, false);
  rowwise.rowwise_scale_inv = at::full({1}, 1.0f);
  const std::string text = message_of([&] {
    products.grad_input(rowwise, rowwise, at::zeros({16, 32}));
  });
  EXPECT_EQ(
      text.find("[te] nvte_cublas_gemm of Transformer Engine 2.12 to 2.16 "
                "failed: "),
      0u)
      << text;
  EXPECT_NE(text.find("missing column-wise usage"), std::string::npos) << text;
}

TEST(Statistics, TellWhatEachCastLost) {
  const auto backend = make_backend();
  const auto gemm = backend->make_gemm(site("l.up_proj", 32, 32));
  // Scale 1 in the first step: 1000 is clamped, 1e-4 becomes 0.
  at::Tensor x = at::full({16, 32}, 1.0f).to(at::kBFloat16);
  x[0].fill_(1000.0f);
  x[1].fill_(1e-4f);
  const Weight weight(at::full({32, 32}, 0.5f));
  StepContext context = training();
  EXPECT_TRUE(gemm->statistics().empty());
  context.watch = true;
  Saved saved;
  gemm->forward({x}, weight, context, &saved);
  gemm->backward(x, saved, weight, context, {});
  std::map<std::string, CastStatistics> rows;
  for (const CastStatistics& row : gemm->statistics()) {
    rows[row.tensor] = row;
  }
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows["input"].amax, 1000);
  EXPECT_EQ(rows["input"].scale, 1);
  EXPECT_NEAR(rows["input"].overflow, 1.0 / 16, 1e-7);
  EXPECT_NEAR(rows["input"].underflow, 1.0 / 16, 1e-7);
  // 32 values of 1000, 448 of 1, 32 of about 0; 32 errors of 552.
  const double sqnr = 20 *
      std::log10(std::sqrt(32e6 + 448) /
                 std::sqrt(32 * 552.0 * 552 + 32 * 1e-8));
  EXPECT_NEAR(rows["input"].sqnr_db, sqnr, 1e-3);
  EXPECT_TRUE(std::isinf(rows["weight"].sqnr_db));
  // E5M2 reaches further: 1000 is 1024 there, and 1e-4 a normal value.
  EXPECT_EQ(rows["grad_output"].overflow, 0);
  EXPECT_EQ(rows["grad_output"].underflow, 0);
}

TEST(Statistics, BlockScalesAreUsedForTheValuesOfTheirBlocks) {
  for (const char* recipe : {"current", "block", "mxfp8"}) {
    const auto backend = make_backend(OptionList().set("recipe", recipe));
    const auto gemm = backend->make_gemm(site("l.up_proj", 160, 192));
    const Weight weight(random({192, 160}, 2));
    StepContext context = training();
    context.watch = true;
    gemm->forward(
        {random({37, 160}, 1).to(at::kBFloat16)}, weight, context, nullptr);
    ASSERT_EQ(gemm->statistics().size(), 2u);
    for (const CastStatistics& row : gemm->statistics()) {
      // Three mantissa bits are good for about 31 dB.
      EXPECT_GT(row.sqnr_db, 29) << recipe << " " << row.tensor;
      EXPECT_LT(row.sqnr_db, 36) << recipe << " " << row.tensor;
      EXPECT_EQ(row.overflow, 0) << recipe;
    }
  }
}

// 300 rows of 8192 are three parts of at most 128 rows.
TEST(Statistics, PartsOfALargeTensorAddUpToTheWhole) {
  for (const auto& [recipe, operand] :
       std::vector<std::pair<std::string, te::Operand>>{
           {"current", te::Operand::input},
           {"block", te::Operand::input},
           {"block", te::Operand::weight},
           {"mxfp8", te::Operand::input}}) {
    OptionList options;
    options.set("recipe", recipe);
    const auto made =
        te::make_recipe(reference(), te::read_settings(Options(options.get())));
    const auto quantizer = made->quantizer(operand);
    at::Tensor x = random({320, 8192}, 1).to(at::kBFloat16);
    x[299][5] = 300.0f;
    x[130].mul_(1e-3);
    x[310].fill_(1000.0f);
    const te::Quantized cast = quantizer->quantize(x, false, false);
    const at::Tensor seen = x.slice(0, 0, 300);
    const CastStatistics row = te::measure("input", seen, cast);
    const at::Tensor wide = seen.to(at::kDouble);
    const at::Tensor values =
        te::dequantize(cast).slice(0, 0, 300).to(at::kDouble);
    EXPECT_EQ(row.amax, 300) << recipe;
    EXPECT_EQ(row.overflow, 0) << recipe;
    const auto count = [](const at::Tensor& mask) {
      return static_cast<double>(mask.sum().item<int64_t>());
    };
    EXPECT_EQ(
        row.underflow,
        count((wide != 0).logical_and(values == 0)) / count(wide != 0))
        << recipe;
    EXPECT_NEAR(
        row.sqnr_db,
        20 *
            std::log10(
                wide.norm().item<double>() /
                (wide - values).norm().item<double>()),
        1e-5)
        << recipe;
  }
}

} // namespace
} // namespace octet
