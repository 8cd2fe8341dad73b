// A decoder on another device: nothing of a step stays behind on the CPU, and
// the ops for a GPU give the CPU's losses and gradients. LibTorch's meta device
// stands in for a GPU: it has shapes and devices, but no values. With a GPU the
// numbers are compared there too.
#include "core/model/decoder.h"

#include "core/model/kv_cache.h"
#include "core/ops/device.h"
#include "core/train/optimizer.h"
#include "tests/core/model/tiny_model.h"
#include "tests/core/ops/devices.h"

#include <gtest/gtest.h>
#include <torch/library.h>

namespace octet {
namespace {

using testing::make_decoder;
using testing::random_batch;
using testing::relative_l2;
using testing::tiny_spec;
using testing::training_context;

ModelSpec everything_spec() {
  ModelSpec spec = tiny_spec();
  spec.qkv_bias = spec.output_bias = spec.mlp_bias = true;
  spec.qk_norm = true;
  spec.windows = {0, 5};
  spec.pad_token = 3;
  return spec;
}

/// LibTorch has a form of this op for the meta device in Python only.
at::Tensor
select_on_meta(const at::Tensor& x, int64_t dim, const at::Tensor& index) {
  TORCH_CHECK(index.device() == x.device(), "the index is on another device");
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.at(static_cast<size_t>(dim)) = index.numel();
  return at::empty(sizes, x.options());
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("index_select", select_on_meta);
}

/// A loss cannot be read from the meta device; the gradient goes on.
class UnreadLoss : public CrossEntropyOp {
 public:
  std::string implementation() const override {
    return "test";
  }
  Result compute(at::Tensor logits, const at::Tensor& targets, bool, double)
      override {
    devices = {logits.device(), targets.device()};
    return {0, std::move(logits)};
  }
  std::vector<at::Device> devices;
};

TEST(DecoderDevice, EveryTensorOfAStepIsOnTheDevice) {
  const ModelSpec spec = everything_spec();
  for (const bool checkpointing : {false, true}) {
    DecoderOptions options;
    options.compute_dtype = at::kBFloat16;
    options.activation_checkpointing = checkpointing;
    options.row_multiple = 16;
    options.device = at::kMeta;
    const auto decoder = make_decoder(spec, options);
    const auto loss = std::make_shared<UnreadLoss>();
    decoder->ops().replace("cross_entropy", loss);
    decoder->train_microbatch(
        random_batch(spec, {9, 14}), training_context(), 1.0);
    ASSERT_EQ(loss->devices.size(), 2u);
    for (const at::Device& device : loss->devices) {
      EXPECT_EQ(device, at::Device(at::kMeta));
    }
    for (const Parameter* parameter : decoder->parameters()) {
      EXPECT_EQ(parameter->master.device(), at::Device(at::kMeta));
      EXPECT_TRUE(parameter->grad.defined()) << parameter->name;
      EXPECT_EQ(parameter->grad.device(), at::Device(at::kMeta));
    }
    for (const auto& [op, by] : decoder->ops().implementations()) {
      EXPECT_EQ(by, op == "cross_entropy" ? "test" : "device") << op;
    }
  }
}

TEST(DecoderDevice, GenerationElsewhereThanOnTheCpuIsRefused) {
  DecoderOptions options;
  options.device = at::kMeta;
  const auto decoder = make_decoder(tiny_spec(), options);
  try {
    decoder->new_cache();
    FAIL() << "made a cache";
  } catch (const Error& error) {
    EXPECT_NE(
        error.message().find("on the CPU for generation, found it on meta"),
        std::string::npos)
        << error.message();
  }
}

/// Loss and gradients of one microbatch against a decoder on the CPU with the
/// references, and the gradients' norm.
void expect_same(Decoder& mine, Decoder& its, double bound) {
  const Microbatch batch = random_batch(its.spec(), {12, 1, 31, 7});
  const LossSum found = mine.train_microbatch(batch, training_context(), 0.01);
  const LossSum expected =
      its.train_microbatch(batch, training_context(), 0.01);
  EXPECT_EQ(found.targets, expected.targets);
  EXPECT_NEAR(found.loss / expected.loss, 1, bound);
  const auto a = mine.parameters(), b = its.parameters();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_LT(relative_l2(a[i]->grad.cpu(), b[i]->grad), 10 * bound)
        << a[i]->name;
  }
  EXPECT_NEAR(global_grad_norm(a) / global_grad_norm(b), 1, 10 * bound);
}

TEST(DecoderDevice, OpsForAGpuGiveTheLossAndGradientsOfTheReferences) {
  const ModelSpec spec = everything_spec();
  for (const auto& [dtype, bound] :
       {std::pair{at::kFloat, 2e-6}, std::pair{at::kBFloat16, 4e-3}}) {
    DecoderOptions options;
    options.compute_dtype = dtype;
    const auto mine = make_decoder(spec, options);
    mine->ops().replace("rms_norm", device_rms_norm());
    mine->ops().replace("swiglu", device_swiglu());
    mine->ops().replace("rope", device_rope());
    mine->ops().replace("attention", device_attention());
    mine->ops().replace("cross_entropy", device_cross_entropy());
    const auto its = make_decoder(spec, options);
    expect_same(*mine, *its, bound);
  }
}

TEST(DecoderDevice, AGpuGivesTheLossAndGradientsOfTheCpu) {
  const std::vector<at::Device> devices = test_devices();
  if (devices.size() < 2) {
    GTEST_SKIP() << "no GPU with its libraries (tools/setup --cuda)";
  }
  for (const auto& [dtype, bound] :
       {std::pair{at::kFloat, 1e-5}, std::pair{at::kBFloat16, 4e-3}}) {
    DecoderOptions options;
    options.compute_dtype = dtype;
    const auto its = make_decoder(everything_spec(), options);
    options.device = devices.back();
    const auto mine = make_decoder(everything_spec(), options);
    expect_same(*mine, *its, bound);
  }
}

} // namespace
} // namespace octet
