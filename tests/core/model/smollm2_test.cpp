// SmolLM2-135M from its GGUF file against transformers (tools/golden/
// smollm2.py): norms and sampled elements of logits and gradients, and the
// losses of AdamW steps. tools/peers/check_model.py runs the same with every
// element (OCTET_SMOLLM2_FULL names the file) and all 20 steps
// (OCTET_SMOLLM2_STEPS). Skipped without the model, which tools/setup fetches.
#include "core/model/decoder.h"
#include "core/model/weight_set.h"
#include "tests/core/model/fixture_tensors.h"
#include "tests/core/model/tiny_model.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <fstream>

namespace octet {
namespace {

using nlohmann::json;
using testing::relative_l2;

std::filesystem::path model_path() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path root = cache != nullptr && cache[0] == '/'
      ? std::filesystem::path(cache)
      : std::filesystem::path(home != nullptr ? home : "/") / ".cache";
  return root / "octet/models/smollm2-135m-instruct" /
      "SmolLM2-135M-Instruct.Q4_1.gguf";
}

Microbatch batch_of(
    const std::vector<int64_t>& tokens,
    const std::vector<int64_t>& lengths) {
  std::vector<int64_t> borders = {0};
  for (const int64_t length : lengths) {
    borders.push_back(borders.back() + length);
  }
  return testing::packed_batch(
      at::tensor(tokens, at::kLong), at::tensor(borders, at::kLong));
}

/// Compares norm and sampled elements with a description of the golden.
void expect_described(
    const at::Tensor& found,
    const json& expected,
    double norm_bound,
    double element_bound,
    const std::string& name) {
  const double norm = expected.at("norm").get<double>();
  EXPECT_NEAR(found.to(at::kDouble).norm().item<double>() / norm, 1, norm_bound)
      << name;
  const at::Tensor flat = found.reshape(-1);
  const double largest = expected.at("largest").get<double>();
  const auto samples = expected.at("samples").get<std::vector<double>>();
  ASSERT_EQ(samples.size(), 16u) << name;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto index = static_cast<int64_t>(i) * 2654435761 % flat.numel();
    EXPECT_NEAR(flat[index].item<double>(), samples[i], element_bound * largest)
        << name << " element " << index;
  }
}

class SmolLm2 : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = model_path();
    if (!std::filesystem::exists(path)) {
      GTEST_SKIP() << "no " << path << "; tools/setup fetches it";
    }
    std::ifstream file(testing::model_fixture("smollm2_gguf.json"));
    golden_ = json::parse(file);
    const ModelSpec spec = read_model_spec(path);
    const auto weights = open_weights(path, spec);
    decoder_ = std::make_unique<Decoder>(spec, *weights, DecoderOptions{});
  }

  json golden_;
  std::unique_ptr<Decoder> decoder_;
};

TEST_F(SmolLm2, LogitsLossAndGradientsAreThoseOfTransformers) {
  const Microbatch batch = batch_of(
      golden_.at("tokens").get<std::vector<int64_t>>(),
      golden_.at("lengths").get<std::vector<int64_t>>());
  const at::Tensor logits = decoder_->logits(batch, {});
  expect_described(logits, golden_.at("logits"), 1e-5, 1e-5, "logits");
  const auto targets = static_cast<double>(batch.target_count);
  const LossSum sum = decoder_->train_microbatch(
      batch, testing::training_context(), 1 / targets);
  EXPECT_NEAR(sum.loss / targets / golden_.at("loss").get<double>(), 1, 1e-5);
  const json& gradients = golden_.at("gradients");
  EXPECT_EQ(decoder_->parameters().size(), gradients.size());
  for (const Parameter* parameter : decoder_->parameters()) {
    expect_described(
        parameter->grad,
        gradients.at(parameter->name),
        5e-5,
        1e-4,
        parameter->name);
  }
  const char* full = std::getenv("OCTET_SMOLLM2_FULL");
  if (full == nullptr) {
    return;
  }
  const auto tensors = testing::read_tensors(full);
  const auto largest = [](const at::Tensor& tensor) {
    return tensor.abs().max().item<double>();
  };
  const at::Tensor& expected_logits = tensors.at("logits");
  EXPECT_LT(largest(logits - expected_logits), 1e-5 * largest(expected_logits));
  double worst = 0;
  for (const Parameter* parameter : decoder_->parameters()) {
    const at::Tensor& expected = tensors.at("grad." + parameter->name);
    const double error = relative_l2(parameter->grad, expected);
    worst = std::max(worst, error);
    EXPECT_LT(error, 5e-5) << parameter->name;
    EXPECT_LT(largest(parameter->grad - expected), 1e-4 * largest(expected))
        << parameter->name;
  }
  std::cout << "largest difference of a logit "
            << largest(logits - expected_logits) / largest(expected_logits)
            << " of the largest; of a gradient " << worst << " relative L2\n";
}

TEST_F(SmolLm2, TrainingStepsHaveTheLossesOfTransformersAndTorch) {
  const json& training = golden_.at("training");
  const auto tokens = training.at("tokens").get<std::vector<int64_t>>();
  const auto losses = training.at("losses").get<std::vector<double>>();
  const auto length = training.at("length").get<size_t>();
  const char* asked = std::getenv("OCTET_SMOLLM2_STEPS");
  const size_t steps = asked == nullptr ? 3 : std::stoul(asked);
  ASSERT_LE(steps, losses.size());
  ASSERT_EQ(tokens.size(), losses.size() * length);
  const auto parameters = decoder_->parameters();
  std::vector<at::Tensor> first, second;
  for (const Parameter* parameter : parameters) {
    first.push_back(at::zeros_like(parameter->master));
    second.push_back(at::zeros_like(parameter->master));
  }
  double worst = 0;
  for (size_t step = 0; step < steps; ++step) {
    const auto begin =
        tokens.begin() + static_cast<std::ptrdiff_t>(step * length);
    const std::vector<int64_t> row(
        begin, begin + static_cast<std::ptrdiff_t>(length));
    const Microbatch batch = batch_of(row, {static_cast<int64_t>(length)});
    const auto targets = static_cast<double>(batch.target_count);
    StepContext context = testing::training_context();
    context.step = static_cast<int64_t>(step) + 1;
    const double loss =
        decoder_->train_microbatch(batch, context, 1 / targets).loss / targets;
    worst = std::max(worst, std::abs(loss / losses[step] - 1));
    EXPECT_NEAR(loss / losses[step], 1, 1e-5) << "step " << step;
    for (size_t i = 0; i < parameters.size(); ++i) {
      Parameter& parameter = *parameters[i];
      decoder_->ops().adamw().update(
          parameter.master,
          parameter.grad,
          first[i],
          second[i],
          {training.at("lr").get<double>(),
           training.at("betas").at(0).get<double>(),
           training.at("betas").at(1).get<double>(),
           training.at("eps").get<double>(),
           parameter.decay ? training.at("weight_decay").get<double>() : 0,
           context.step,
           1});
      ++parameter.version;
      parameter.grad.zero_();
    }
  }
  std::cout << "largest relative difference of a loss " << worst << "\n";
}

} // namespace
} // namespace octet
