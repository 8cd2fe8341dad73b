// Tiny models of every supported architecture against transformers' logits and
// gradients (tools/golden/model.py). Two sequences are packed here and were run
// on their own there.
#include "core/model/decoder.h"
#include "core/model/kv_cache.h"
#include "tests/core/model/fixture_tensors.h"
#include "tests/core/model/tiny_model.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::model_fixture;
using testing::read_tensors;
using testing::relative_l2;

double largest(const at::Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

class GoldenModel : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto folder = model_fixture(GetParam());
    const ModelSpec spec = read_model_spec(folder);
    testing::MemoryWeights weights;
    weights.tensors = read_tensors(folder / "model.safetensors");
    golden_ = read_tensors(folder / "golden.safetensors");
    decoder_ = std::make_unique<Decoder>(spec, weights, DecoderOptions{});
    batch_ = testing::packed_batch(
        golden_.at("input_ids"), golden_.at("cu_seqlens"));
  }

  std::map<std::string, at::Tensor> golden_;
  std::unique_ptr<Decoder> decoder_;
  Microbatch batch_;
};

TEST_P(GoldenModel, LogitsAreThoseOfTransformers) {
  const at::Tensor& expected = golden_.at("logits");
  const at::Tensor logits = decoder_->logits(batch_, {});
  ASSERT_EQ(logits.sizes(), expected.sizes());
  EXPECT_LT(largest(logits - expected), 1e-5 * largest(expected));
}

TEST_P(GoldenModel, LossAndGradientsAreThoseOfTransformers) {
  const double targets = static_cast<double>(batch_.target_count);
  const LossSum sum = decoder_->train_microbatch(
      batch_, testing::training_context(), 1 / targets);
  const double expected_loss = golden_.at("loss").item<double>();
  EXPECT_NEAR(sum.loss / targets / expected_loss, 1, 1e-6);
  size_t compared = 0;
  for (const Parameter* parameter : decoder_->parameters()) {
    const auto found = golden_.find("grad." + parameter->name);
    ASSERT_NE(found, golden_.end()) << parameter->name;
    const at::Tensor& expected = found->second;
    EXPECT_LT(relative_l2(parameter->grad, expected), 5e-5) << parameter->name;
    EXPECT_LT(largest(parameter->grad - expected), 1e-4 * largest(expected))
        << parameter->name;
    ++compared;
  }
  EXPECT_EQ(compared + 4, golden_.size());
}

TEST_P(GoldenModel, GenerationGivesTheSameLogitsTokenByToken) {
  const at::Tensor& expected = golden_.at("logits");
  const auto cache = decoder_->new_cache();
  for (int64_t i = 0; i < batch_.cu_seqlens[1]; ++i) {
    const auto token =
        static_cast<int32_t>(batch_.tokens[static_cast<size_t>(i)]);
    const at::Tensor logits = decoder_->extend({token}, *cache, {});
    EXPECT_LT(largest(logits - expected[i]), 1e-5 * largest(expected)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Architectures,
    GoldenModel,
    ::testing::Values(
        "llama2",
        "llama3",
        "llama_biases",
        "llama_linear",
        "llama_yarn",
        "mistral",
        "qwen2",
        "qwen2_window",
        "qwen3",
        "smollm2"),
    [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace octet
