// Scales, FP8 bytes and products against torchao 0.18, made by
// tools/golden/torchao_products.py: emulated, and not emulated through
// at::_scaled_mm, which LibTorch computes on the CPU too.
#include "plugins/torchao/cast.h"
#include "plugins/torchao/gemm.h"
#include "plugins/torchao/scale.h"
#include "tests/plugins/gemm_checks.h"
#include "tests/plugins/torchao/goldens.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace octet::torchao {
namespace {

using nlohmann::json;
using testing::different;
using testing::flat;
using testing::goldens;
using testing::sqnr;

const json& cases() {
  static const json& read =
      *new json(testing::read_json(testing::fixture("cases.json")));
  return read.at("cases");
}

Recipe recipe_of(const std::string& name) {
  return name == "tensorwise_pow2" ? make_recipe("tensorwise", true)
                                   : make_recipe(name, false);
}

struct Inputs {
  at::Tensor x, w, grad_y;
};

Inputs inputs_of(const std::string& data) {
  const std::string where = "in/" + data + "/";
  return {
      flat(goldens().at(where + "x")),
      goldens().at(where + "w"),
      flat(goldens().at(where + "go"))};
}

void expect_cast(const std::string& where, const Float8Tensor& found) {
  const at::Tensor scale = goldens().at(where + "/scale");
  const at::Tensor bytes = flat(goldens().at(where + "/data"));
  EXPECT_EQ(different(found.scale.reshape(-1), scale.reshape(-1)), 0)
      << where << ": scales";
  EXPECT_EQ(found.data.sizes(), bytes.sizes()) << where;
  const at::ScalarType dtype = found.data.scalar_type();
  EXPECT_EQ(
      different(
          found.data.to(at::kFloat),
          bytes.contiguous().view(dtype).to(at::kFloat)),
      0)
      << where << ": FP8 bytes";
}

TEST(TorchaoGolden, ThereAreAtLeast200CasesOfBothKinds) {
  std::map<std::string, int> modes;
  for (const json& one : cases()) {
    ++modes[one.at("mode")];
  }
  EXPECT_GE(cases().size(), 200u);
  EXPECT_GE(modes["emulated"], 100);
  EXPECT_GE(modes["real"], 100);
  EXPECT_GE(modes["padded"], 8);
}

TEST(TorchaoGolden, ScalesAndBytesOfEveryOperandAreBitEqual) {
  for (const json& one : cases()) {
    if (one.at("mode") != "emulated") {
      continue;
    }
    const std::string data = one.at("data"), name = one.at("recipe");
    const std::string where = "cast/" + data + "/" + name + "/";
    const Inputs in = inputs_of(data);
    const Recipe recipe = recipe_of(name);
    const bool pow2 = recipe.round_scales_to_power_of_2;
    const auto cast =
        [&](const at::Tensor& x, const CastConfig& config, int64_t axis) {
          return cast_to_float8(x, config, axis, pow2);
        };
    expect_cast(where + "0", cast(in.x, recipe.input, 1));
    expect_cast(where + "1", cast(in.w.t(), recipe.weight, 0));
    expect_cast(where + "2", cast(in.grad_y, recipe.grad_output, 1));
    expect_cast(where + "3", cast(in.w.t(), recipe.weight_for_grad_input, 1));
    ASSERT_EQ(
        one.at("casts").get<int>(),
        recipe.grad_output_for_grad_weight.enabled ? 6 : 4);
    if (recipe.grad_output_for_grad_weight.enabled) {
      expect_cast(
          where + "4", cast(in.grad_y, recipe.grad_output_for_grad_weight, 0));
      expect_cast(where + "5", cast(in.x, recipe.input_for_grad_weight, 0));
    }
  }
}

TEST(TorchaoGolden, ScalesOfAnyAmaxAreBitEqual) {
  for (const std::string label : {"fp32", "bf16"}) {
    const at::Tensor amax = goldens().at("scale/" + label + "/amax");
    for (const at::ScalarType dtype : {at::kFloat8_e4m3fn, at::kFloat8_e5m2}) {
      const std::string where = "scale/" + label +
          (dtype == at::kFloat8_e5m2 ? "/float8_e5m2/" : "/float8_e4m3fn/");
      EXPECT_EQ(
          different(
              amax_to_scale(amax, dtype, false), goldens().at(where + "exact")),
          0)
          << where;
      EXPECT_EQ(
          different(
              amax_to_scale(amax, dtype, true), goldens().at(where + "pow2")),
          0)
          << where;
    }
  }
}

TEST(TorchaoGolden, RoundingToPowersOfTwoIsBitEqual) {
  EXPECT_EQ(
      different(
          round_down_to_power_of_2(goldens().at("scale/pow2/in")),
          goldens().at("scale/pow2/out")),
      0);
}

/// Products of one case against the golden.
/// @param bf16_products whether the Gemm may multiply in bf16
void expect_products(const json& one, bool bf16_products) {
  const std::string data = one.at("data"), name = one.at("recipe");
  const std::string mode = one.at("mode");
  const Inputs in = inputs_of(data);
  auto settings = std::make_shared<Settings>();
  settings->recipe = recipe_of(name);
  settings->emulate = mode == "emulated";
  settings->pad_inner_dim = mode == "padded";
  settings->bf16_products = bf16_products;
  const auto gemm = make_float8_gemm(settings, "site");
  const octet::testing::FixedWeight weight(in.w, /*frozen=*/false);

  Saved saved;
  at::Tensor y = gemm->forward({in.x}, weight, {}, &saved);
  EXPECT_EQ(saved.tensors.size(), 1u);
  EXPECT_TRUE(saved.tensors.at(0).is_same(in.x));
  if (one.at("bias").get<bool>()) {
    // As the core adds it.
    y.add_(goldens().at("in/" + data + "/bias").to(y.scalar_type()));
  }
  GradRequest want;
  want.weight = at::zeros(in.w.sizes());
  const at::Tensor grad_x = gemm->backward(in.grad_y, saved, weight, {}, want);

  // fp32 products by rows are rounded to bf16 on the way where they are not
  // emulated, so a sum in another order shows as one rounding of bf16.
  const bool rounded = in.x.scalar_type() == at::kBFloat16 ||
      (mode != "emulated" && name.starts_with("rowwise"));
  const double bound = rounded ? 50 : 100;
  const std::string where = "out/" + data + "/" + name + "/" + mode + "/";
  const std::pair<const char*, at::Tensor> found[] = {
      {"y", y}, {"gx", grad_x}, {"gw", want.weight}};
  for (const auto& [part, tensor] : found) {
    const at::Tensor expected = flat(goldens().at(where + part));
    EXPECT_EQ(tensor.sizes(), expected.sizes()) << where << part;
    if (one.at("exact").get<bool>()) {
      EXPECT_EQ(different(tensor.to(at::kFloat), expected.to(at::kFloat)), 0)
          << where << part;
    } else {
      EXPECT_GE(sqnr(tensor, expected, data.starts_with("huge")), bound)
          << where << part;
    }
  }
  EXPECT_EQ(y.scalar_type(), in.x.scalar_type());
  EXPECT_EQ(grad_x.scalar_type(), in.x.scalar_type());
}

TEST(TorchaoGolden, ProductsAreThoseOfTorchao) {
  for (const json& one : cases()) {
    expect_products(one, /*bf16_products=*/false);
  }
}

// Where a CPU multiplies bf16, emulated products with scales that are powers
// of two are made in bf16: FP8's values are exact in it.
TEST(TorchaoGolden, ProductsInBf16AreThoseOfTorchaoToo) {
  for (const json& one : cases()) {
    if (one.at("mode") == "emulated") {
      expect_products(one, /*bf16_products=*/true);
    }
  }
}

} // namespace
} // namespace octet::torchao
