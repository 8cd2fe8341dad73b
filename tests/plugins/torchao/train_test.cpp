// A tiny decoder trained in bf16 and in each emulated recipe: the short form of
// tools/fp8_curves. The bound lies between what a recipe does to the losses and
// what a scale stuck at 1 does.
#include "plugins/torchao/backend.h"
#include "tests/core/model/tiny_model.h"
#include "tests/plugins/torchao/controls.h"

#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace octet::torchao {
namespace {

constexpr int64_t kSteps = 40;

/// @param backend null: bf16
std::vector<double> losses(PrecisionBackend* backend) {
  const ModelSpec spec = octet::testing::tiny_spec();
  DecoderOptions options;
  options.compute_dtype = at::kBFloat16;
  const auto decoder = octet::testing::make_decoder(spec, options);
  if (backend != nullptr) {
    EXPECT_EQ(testing::use(*backend, *decoder), 14u);
  }
  const auto parameters = decoder->parameters();
  std::vector<at::Tensor> first, second;
  for (const Parameter* parameter : parameters) {
    first.push_back(at::zeros_like(parameter->master));
    second.push_back(at::zeros_like(parameter->master));
  }
  std::vector<double> found;
  StepContext context = octet::testing::training_context();
  for (context.step = 1; context.step <= kSteps; ++context.step) {
    const auto seed = static_cast<uint32_t>(1 + context.step % 4);
    const Microbatch batch =
        octet::testing::random_batch(spec, {13, 24, 8}, seed);
    const auto targets = static_cast<double>(batch.target_count);
    found.push_back(
        decoder->train_microbatch(batch, context, 1 / targets).loss / targets);
    for (size_t i = 0; i < parameters.size(); ++i) {
      Parameter& parameter = *parameters[i];
      decoder->ops().adamw().update(
          parameter.master,
          parameter.grad,
          first[i],
          second[i],
          {1e-3, 0.9, 0.999, 1e-8, 0, context.step, 1});
      ++parameter.version;
      parameter.grad.zero_();
    }
  }
  return found;
}

const std::vector<double>& bf16() {
  static const std::vector<double> found = losses(nullptr);
  return found;
}

/// Relative distance of the means of the last eight losses, two of each batch.
double distance(const std::vector<double>& found) {
  const auto mean = [](const std::vector<double>& all) {
    return std::accumulate(all.end() - 8, all.end(), 0.0) / 8;
  };
  return std::fabs(mean(found) / mean(bf16()) - 1);
}

/// The recipes are 0.017 to 0.022 away, the control 0.048.
constexpr double kBound = 0.035;

class TorchaoTraining : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(
    Recipes,
    TorchaoTraining,
    ::testing::Values("tensorwise", "rowwise", "rowwise_with_gw_hp"));

TEST_P(TorchaoTraining, EndsWhereBf16Ends) {
  Settings settings;
  settings.recipe = make_recipe(GetParam(), false);
  settings.emulate = true;
  Backend backend(settings);
  const std::vector<double> found = losses(&backend);
  EXPECT_NE(found, bf16());
  EXPECT_LT(bf16().back(), 0.8 * bf16().front());
  RecordProperty("distance", std::to_string(distance(found)));
  EXPECT_LT(distance(found), kBound);
}

TEST(TorchaoTrainingControl, AScaleStuckAtOneEndsElsewhere) {
  testing::StuckScale control;
  const double found = distance(losses(&control));
  RecordProperty("distance", std::to_string(found));
  EXPECT_GT(found, kBound);
}

} // namespace
} // namespace octet::torchao
