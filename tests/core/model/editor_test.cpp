// What the model editor refuses, what it records, and that each slot really
// takes part in forward and backward.
#include "core/model/decoder.h"
#include "tests/core/model/tiny_model.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

const std::string kSite = "model.layers.1.mlp.up_proj";

Plan plan_with(const ModelSpec& spec, const std::string& slot) {
  Plan plan;
  for (const Site& site : spec.sites()) {
    plan.sites.push_back({site, {}, {}, false});
    if (site.name == kSite) {
      plan.sites.back().placements.push_back({"tester", slot, ""});
    }
  }
  return plan;
}

/// w -> 2 w
class Doubling : public WeightTransform {
 public:
  at::Tensor forward(const at::Tensor& w, const StepContext&) override {
    return w * 2;
  }
  void backward(const at::Tensor&, at::Tensor& grad) override {
    grad.mul_(2);
  }
};

/// x -> 3 x
class Tripling : public InputTransform {
 public:
  at::Tensor forward(const at::Tensor& x, const StepContext&, Saved*) override {
    return x * 3;
  }
  at::Tensor backward(const at::Tensor& grad_y, Saved&) override {
    return grad_y * 3;
  }
};

class NoAdapter : public Adapter {
 public:
  void forward(const at::Tensor&, at::Tensor&, const StepContext&, Saved*)
      override {}
  void backward(const at::Tensor&, at::Tensor&, const StepContext&, Saved&)
      override {}
  at::Tensor delta() const override {
    return at::zeros({48, 32});
  }
};

struct Fixture {
  ModelSpec spec = testing::tiny_spec();
  std::unique_ptr<Decoder> decoder = testing::make_decoder(spec);
  std::vector<LedgerEntry> ledger;
};

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ModelEditor, ChangesAreEnteredIntoTheLedger) {
  Fixture f;
  const Plan plan = plan_with(f.spec, "adapter");
  const auto editor = f.decoder->editor("tester", plan, f.ledger);
  ASSERT_EQ(editor->planned_sites().size(), 1u);
  editor->add_adapter(kSite, std::make_unique<NoAdapter>());
  ASSERT_EQ(f.ledger.size(), 1u);
  EXPECT_EQ(f.ledger[0].plugin, "tester");
  EXPECT_EQ(f.ledger[0].site, kSite);
  EXPECT_EQ(f.ledger[0].slot, "adapter");
}

TEST(ModelEditor, SlotsThatThePlanDoesNotGiveAreRefused) {
  Fixture f;
  const Plan plan = plan_with(f.spec, "adapter");
  const auto editor = f.decoder->editor("tester", plan, f.ledger);
  const std::string other_slot = message_of([&] {
    editor->set_weight_transform(kSite, std::make_unique<Doubling>());
  });
  EXPECT_NE(other_slot.find("weight_transform"), std::string::npos);
  EXPECT_NE(other_slot.find("tester"), std::string::npos);
  EXPECT_THROW(
      editor->add_adapter("lm_head", std::make_unique<NoAdapter>()), Error);
  EXPECT_THROW(editor->replace_op("rope", nullptr), Error);
  const auto stranger = f.decoder->editor("stranger", plan, f.ledger);
  EXPECT_TRUE(stranger->planned_sites().empty());
  EXPECT_THROW(
      stranger->add_adapter(kSite, std::make_unique<NoAdapter>()), Error);
  EXPECT_TRUE(f.ledger.empty());
}

TEST(ModelEditor, UnknownSiteIsNamedWithTheNearest) {
  Fixture f;
  const Plan plan = plan_with(f.spec, "adapter");
  const auto editor = f.decoder->editor("tester", plan, f.ledger);
  const std::string text = message_of([&] {
    editor->add_adapter(
        "model.layers.1.mlp.up_prj", std::make_unique<NoAdapter>());
  });
  EXPECT_NE(text.find(kSite), std::string::npos) << text;
}

TEST(ModelEditor, WeightsOfLinearLayersCanBeReadAndNothingElse) {
  Fixture f;
  const Plan plan = plan_with(f.spec, "adapter");
  const auto editor = f.decoder->editor("tester", plan, f.ledger);
  const WeightSource& weight = editor->weight("model.layers.0.mlp.up_proj");
  for (const Site& site : f.spec.sites()) {
    if (site.name == "model.layers.0.mlp.up_proj") {
      EXPECT_EQ(
          weight.materialize(at::kFloat).sizes(),
          (std::vector<int64_t>{site.out_features, site.in_features}));
    }
  }
  const std::string text =
      message_of([&] { editor->weight("model.embed_tokens"); });
  EXPECT_NE(text.find("name of a linear layer"), std::string::npos) << text;
}

TEST(ModelEditor, ParametersMustBeNewAndFp32) {
  Fixture f;
  const Plan plan = plan_with(f.spec, "adapter");
  const auto editor = f.decoder->editor("tester", plan, f.ledger);
  Parameter& added = editor->add_parameter("extra", at::ones({2}), false);
  EXPECT_EQ(f.decoder->parameters().back(), &added);
  EXPECT_THROW(editor->add_parameter("extra", at::ones({2}), false), Error);
  EXPECT_THROW(
      editor->add_parameter("half", at::ones({2}, at::kBFloat16), false),
      Error);
  EXPECT_THROW(editor->add_parameter("none", at::Tensor(), false), Error);
}

/// A decoder whose one weight is `factor` times the fixture's.
std::unique_ptr<Decoder> scaled_decoder(const ModelSpec& spec, double factor) {
  testing::MemoryWeights weights = testing::random_weights(spec, 7);
  weights.tensors.at(kSite + ".weight").mul_(factor);
  return std::make_unique<Decoder>(spec, weights, DecoderOptions{});
}

at::Tensor gradient_of(Decoder& decoder) {
  for (const Parameter* parameter : decoder.parameters()) {
    if (parameter->name == kSite + ".weight") {
      return parameter->grad;
    }
  }
  return {};
}

TEST(ModelEditor, WeightTransformActsInForwardAndBackward) {
  Fixture f;
  const Plan plan = plan_with(f.spec, "weight_transform");
  f.decoder->editor("tester", plan, f.ledger)
      ->set_weight_transform(kSite, std::make_unique<Doubling>());
  const auto expected = scaled_decoder(f.spec, 2);
  const Microbatch batch = testing::random_batch(f.spec, {14});
  const auto context = testing::training_context();
  EXPECT_EQ(
      f.decoder->train_microbatch(batch, context, 0.1).loss,
      expected->train_microbatch(batch, context, 0.1).loss);
  // y = (2 w) x: the gradient of w is twice that of 2 w.
  EXPECT_LT(
      testing::relative_l2(gradient_of(*f.decoder), gradient_of(*expected) * 2),
      1e-6);
}

TEST(ModelEditor, InputTransformActsInForwardAndBackward) {
  Fixture f;
  const Plan plan = plan_with(f.spec, "input_transform");
  f.decoder->editor("tester", plan, f.ledger)
      ->set_input_transform(kSite, std::make_unique<Tripling>());
  const auto expected = scaled_decoder(f.spec, 3);
  const Microbatch batch = testing::random_batch(f.spec, {14});
  const auto context = testing::training_context();
  const double loss = f.decoder->train_microbatch(batch, context, 0.1).loss;
  EXPECT_NEAR(
      loss / expected->train_microbatch(batch, context, 0.1).loss, 1, 1e-6);
  // y = w (3 x): the gradient of w is three times that of 3 w, and what
  // flows on below is the same.
  EXPECT_LT(
      testing::relative_l2(gradient_of(*f.decoder), gradient_of(*expected) * 3),
      1e-6);
  EXPECT_LT(
      testing::relative_l2(
          f.decoder->parameters()[0]->grad, expected->parameters()[0]->grad),
      1e-5);
}

TEST(ModelEditor, StepHooksRun) {
  Fixture f;
  Plan plan = plan_with(f.spec, "adapter");
  plan.hooks["step_end"] = {"tester"};
  int64_t seen = 0;
  const auto editor = f.decoder->editor("tester", plan, f.ledger);
  editor->on_step_end([&](const StepReport& report) { seen = report.step; });
  editor->on_step_end([](const StepReport&) {});
  ASSERT_EQ(f.ledger.size(), 1u);
  EXPECT_EQ(f.ledger[0].slot, "step_end");
  EXPECT_EQ(f.ledger[0].site, "");
  StepReport report;
  report.step = 4;
  f.decoder->run_step_hooks(report);
  EXPECT_EQ(seen, 4);
}

TEST(ModelEditor, AHookThatTheManifestDoesNotClaimIsRefused) {
  Fixture f;
  Plan plan = plan_with(f.spec, "adapter");
  plan.hooks["step_end"] = {"other"};
  const auto editor = f.decoder->editor("tester", plan, f.ledger);
  EXPECT_EQ(
      message_of([&] { editor->on_step_end([](const StepReport&) {}); }),
      "[model] tester may not change hook step_end: its manifest does not "
      "claim it; add \"step_end\" to claims");
  EXPECT_TRUE(f.ledger.empty());
}

class CountingBackend : public PrecisionBackend {
 public:
  int64_t made = 0;
  SiteVerdict accepts(const Site&) const override {
    return SiteVerdict::yes();
  }
  std::unique_ptr<Gemm> make_gemm(const Site&) override {
    ++made;
    return std::make_unique<StatefulGemm>();
  }

 private:
  class StatefulGemm : public Gemm {
   public:
    at::Tensor forward(
        const Activation& x,
        const WeightSource& w,
        const StepContext&,
        Saved*) override {
      return at::zeros({x.value.size(0), w.materialize(at::kFloat).size(0)});
    }
    at::Tensor backward(
        const at::Tensor& grad_y,
        Saved&,
        const WeightSource& w,
        const StepContext&,
        const GradRequest&) override {
      return at::zeros({grad_y.size(0), w.materialize(at::kFloat).size(1)});
    }
    State state() const override {
      return {{"amax", value_}};
    }
    void load(const State& state) override {
      value_ = state.at(0).second;
    }

   private:
    at::Tensor value_ = at::ones({1});
  };
};

TEST(Backend, GetsExactlyTheSitesOfThePlan) {
  Fixture f;
  const Plan plan = plan_with(f.spec, "gemm");
  CountingBackend backend;
  const auto ledger = f.decoder->use_backend("tester", backend, plan);
  EXPECT_EQ(backend.made, 1);
  ASSERT_EQ(ledger.size(), 1u);
  EXPECT_EQ(ledger[0].site, kSite);
  EXPECT_EQ(ledger[0].slot, "gemm");
  EXPECT_TRUE(f.decoder->use_backend("other", backend, plan).empty());
}

TEST(Backend, ThatMakesNoGemmIsNamed) {
  class Empty : public CountingBackend {
    std::unique_ptr<Gemm> make_gemm(const Site&) override {
      return nullptr;
    }
  };
  Fixture f;
  Empty backend;
  EXPECT_EQ(
      message_of([&] {
        f.decoder->use_backend("tester", backend, plan_with(f.spec, "gemm"));
      }),
      "[verify] tester accepted " + kSite +
          ", but made no gemm for it; tell its author");
}

TEST(Backend, StateGoesOutAndBackBySite) {
  Fixture f;
  CountingBackend backend;
  f.decoder->use_backend("tester", backend, plan_with(f.spec, "gemm"));
  State state = f.decoder->backend_state();
  ASSERT_EQ(state.size(), 1u);
  EXPECT_EQ(state[0].first, kSite + "/amax");
  state[0].second = at::ones({1}) * 9;
  f.decoder->load_backend_state(state);
  EXPECT_TRUE(
      at::equal(f.decoder->backend_state()[0].second, at::ones({1}) * 9));
  state[0].first = "model.layers.9.mlp.up_proj/amax";
  EXPECT_THROW(f.decoder->load_backend_state(state), Error);
}

} // namespace
} // namespace octet
