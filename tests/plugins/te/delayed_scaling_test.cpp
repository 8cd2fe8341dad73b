// Delayed scaling against Transformer Engine's own update kernel (see
// tests/fixtures/te), and what enters a history.
#include "tests/plugins/te/replay.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <fstream>

namespace octet {
namespace {

using namespace te_testing;
using nlohmann::json;

TEST(DelayedScaling, EqualsTransformerEnginesKernelBitForBit) {
  EXPECT_EQ(replay_golden_steps(reference(), at::kCPU), 2280);
}

struct OneLayer {
  explicit OneLayer(OptionList options = {})
      : backend(make_backend(std::move(options))),
        gemm(backend->make_gemm(site("model.layers.0.mlp.up_proj", 32, 48))) {}

  /// One microbatch; returns y.
  at::Tensor run(const StepContext& context) {
    Saved saved;
    const at::Tensor y = gemm->forward({x}, weight, context, &saved);
    GradRequest want;
    want.weight = at::full({48, 32}, 0.0f);
    gemm->backward(grad, saved, weight, context, want);
    return y;
  }
  std::map<std::string, at::Tensor> state() const {
    return by_name(gemm->state());
  }
  double number(const std::string& name, int64_t row = 0) const {
    return state().at(name)[row].item<double>();
  }

  at::Tensor x = random({32, 32}, 1).to(at::kBFloat16);
  at::Tensor grad = (random({32, 48}, 2) * 1e-4).to(at::kBFloat16);
  Weight weight{random({48, 32}, 3).to(at::kBFloat16)};
  std::unique_ptr<te::Backend> backend;
  std::unique_ptr<Gemm> gemm;
};

double amax(const at::Tensor& tensor) {
  return tensor.to(at::kFloat).abs().max().item<double>();
}

TEST(DelayedScaling, TheFirstCastHasScaleOneAndTheSecondItsAmax) {
  OneLayer layer;
  EXPECT_EQ(layer.number("input.scale"), 1);
  layer.run(training(1));
  layer.backend->end_microbatch(training(1));
  EXPECT_EQ(layer.number("input.amax_history", 15), amax(layer.x));
  EXPECT_EQ(layer.number("input.amax_history"), 0);
  EXPECT_EQ(
      layer.number("input.scale"), 448.0f / static_cast<float>(amax(layer.x)));
  EXPECT_EQ(
      layer.number("weight.scale"),
      448.0f / static_cast<float>(amax(layer.weight.materialize(at::kFloat))));
  // HYBRID: gradients are E5M2.
  EXPECT_EQ(
      layer.number("grad_output.scale"),
      57344.0f / static_cast<float>(amax(layer.grad)));
}

TEST(DelayedScaling, MarginAndE4M3GradientsChangeTheScale) {
  OneLayer layer(OptionList().set("margin", 2).set("format", "E4M3"));
  layer.run(training(1));
  layer.backend->end_microbatch(training(1));
  EXPECT_EQ(
      layer.number("input.scale"), 112.0f / static_cast<float>(amax(layer.x)));
  EXPECT_EQ(
      layer.number("grad_output.scale"),
      112.0f / static_cast<float>(amax(layer.grad)));
}

TEST(DelayedScaling, AnUnusedLayerKeepsItsScale) {
  OneLayer layer;
  layer.run(training(1));
  layer.backend->end_microbatch(training(1));
  const auto before = layer.state();
  layer.backend->end_microbatch(training(1, 1));
  for (const auto& [name, value] : layer.state()) {
    EXPECT_TRUE(at::equal(value, before.at(name))) << name;
  }
}

TEST(DelayedScaling, EvaluationGenerationAndReferenceRecordNothing) {
  OneLayer layer;
  layer.run(training(1));
  layer.backend->end_microbatch(training(1));
  const auto before = layer.state();
  for (const ModelView view :
       {ModelView::evaluation, ModelView::generation, ModelView::reference}) {
    StepContext context;
    context.view = view;
    layer.gemm->forward({layer.x * 100}, layer.weight, context, nullptr);
    // Whoever calls it, too.
    context.training = true;
    layer.gemm->forward({layer.x * 100}, layer.weight, context, nullptr);
  }
  for (const auto& [name, value] : layer.state()) {
    EXPECT_TRUE(at::equal(value, before.at(name))) << name;
  }
  // The control: the same forward in training does.
  layer.gemm->forward({layer.x * 100}, layer.weight, training(2), nullptr);
  EXPECT_GT(layer.number("input.amax_history"), 50);
}

TEST(DelayedScaling, ARecomputedForwardIsTheFirstOneAndRecordsNothing) {
  OneLayer layer;
  layer.run(training(1));
  layer.backend->end_microbatch(training(1));
  const at::Tensor first =
      layer.gemm->forward({layer.x}, layer.weight, training(2), nullptr);
  const auto before = layer.state();
  const int64_t casts = linear(*layer.gemm).casts().weight;
  StepContext again = training(2);
  again.recompute = true;
  Saved saved;
  const at::Tensor second =
      layer.gemm->forward({layer.x}, layer.weight, again, &saved);
  EXPECT_TRUE(at::equal(first, second));
  EXPECT_EQ(linear(*layer.gemm).casts().weight, casts);
  for (const auto& [name, value] : layer.state()) {
    EXPECT_TRUE(at::equal(value, before.at(name))) << name;
  }
}

TEST(DelayedScaling, FourMicrobatchesCastTheWeightOnce) {
  OneLayer layer;
  for (int64_t step = 1; step <= 3; ++step) {
    for (int64_t microbatch = 0; microbatch < 4; ++microbatch) {
      layer.run(training(step, microbatch));
      layer.backend->end_microbatch(training(step, microbatch));
    }
    layer.weight.change(
        layer.weight.materialize(at::kBFloat16) * (1 + 0.5 * double(step)));
  }
  const te::CastCounts casts = linear(*layer.gemm).casts();
  EXPECT_EQ(casts.weight, 3);
  EXPECT_EQ(casts.input, 12);
  EXPECT_EQ(casts.grad_output, 12);
  // 12 entries of the input's history, 3 of the weight's.
  const auto entries = [&](const std::string& name) {
    return (layer.state().at(name) != 0).sum().item<int64_t>();
  };
  EXPECT_EQ(entries("input.amax_history"), 12);
  EXPECT_EQ(entries("weight.amax_history"), 3);
}

TEST(DelayedScaling, AFrozenWeightIsCastWithItsOwnScaleFromTheSecondStepOn) {
  OneLayer layer;
  const Weight frozen(
      (random({48, 32}, 4) * 1e-3).to(at::kBFloat16), /*is_frozen=*/true);
  const auto error = [&](int64_t step) {
    const at::Tensor y =
        layer.gemm->forward({layer.x}, frozen, training(step), nullptr);
    layer.backend->end_microbatch(training(step));
    const at::Tensor exact =
        layer.x.to(at::kFloat).mm(frozen.materialize(at::kFloat).t());
    return ((y.to(at::kFloat) - exact).norm() / exact.norm()).item<double>();
  };
  // Scale 1 flushes values of 0.001 to E4M3's subnormals or to zero.
  EXPECT_GT(error(1), 0.3);
  EXPECT_LT(error(2), 0.06);
}

/// Two ranks, of which the other saw twice as much in every slot.
class TwiceAsMuch : public Collective {
 public:
  int64_t rank() const override {
    return 0;
  }
  int64_t world_size() const override {
    return 2;
  }
  void all_reduce_max(at::Tensor& tensor) override {
    ++reductions;
    elements = tensor.numel();
    tensor.mul_(2);
  }
  void all_reduce_sum(at::Tensor&) override {
    FAIL() << "amax values are not summed";
  }
  int reductions = 0;
  int64_t elements = 0;
};

TEST(DelayedScaling, AmaxIsReducedOverTheRanksOnceAMicrobatch) {
  OneLayer layer;
  TwiceAsMuch ranks;
  layer.backend->use_collective(ranks);
  layer.run(training(1));
  layer.backend->end_microbatch(training(1));
  EXPECT_EQ(ranks.reductions, 1);
  EXPECT_EQ(ranks.elements, 3);
  EXPECT_EQ(layer.number("input.amax_history", 15), 2 * amax(layer.x));
  EXPECT_EQ(
      layer.number("input.scale"),
      448.0f / static_cast<float>(2 * amax(layer.x)));
  EXPECT_EQ(
      layer.number("grad_output.scale"),
      57344.0f / static_cast<float>(2 * amax(layer.grad)));
}

TEST(DelayedScaling, StateOfAnotherHistoryLengthOrRecipeIsRefused) {
  OneLayer sixteen;
  OneLayer four(OptionList().set("amax_history_len", 4));
  const std::string length =
      message_of([&] { four.gemm->load(sixteen.gemm->state()); });
  EXPECT_NE(length.find("amax_history_len"), std::string::npos) << length;
  State lacking = sixteen.gemm->state();
  lacking.pop_back();
  const std::string missing = message_of([&] { sixteen.gemm->load(lacking); });
  EXPECT_NE(missing.find("precision.te.recipe"), std::string::npos) << missing;
}

TEST(DelayedScaling, LayersOfAGroupShareTheirInputsCastAndHistory) {
  const auto backend = make_backend();
  const auto q = backend->make_gemm(site("l.q_proj", 32, 32, "l.qkv"));
  const auto k = backend->make_gemm(site("l.k_proj", 32, 16, "l.qkv"));
  const auto other = backend->make_gemm(site("l.o_proj", 32, 32, "l.o"));
  const Weight wq(random({32, 32}, 1)), wk(random({16, 32}, 2));
  const Activation x{random({16, 32}, 3).to(at::kBFloat16)};
  q->forward(x, wq, training(1), nullptr);
  k->forward(x, wk, training(1), nullptr);
  EXPECT_EQ(linear(*q).casts().input, 1);
  EXPECT_EQ(linear(*k).casts().input, 0);
  // A layer outside the group has a history of its own.
  other->forward(x, wq, training(1), nullptr);
  EXPECT_EQ(linear(*other).casts().input, 1);
  EXPECT_EQ(by_name(q->state()).count("input.scale"), 1u);
  EXPECT_EQ(by_name(k->state()).count("input.scale"), 0u);
}

} // namespace
} // namespace octet
