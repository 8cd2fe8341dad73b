// Every method of what a plugin makes: what it returns passes through, what it
// throws comes out with the plugin's name, and tensors of another shape or
// dtype than promised are refused.
#include "core/model/guarded.h"
#include "core/ops/reference.h"
#include "core/plugin/plugin_call.h"
#include "tests/core/model/tiny_model.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <functional>

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

const Site kSite = {
    "model.layers.1.mlp.up_proj",
    SiteKind::linear,
    "up_proj",
    "model.layers.1.mlp.gate_up",
    1,
    4,
    3,
    false,
    "model.layers.1.mlp.up_proj.weight"};

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

ExitCode code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return ExitCode::success;
}

[[noreturn]] void stumble() {
  throw std::runtime_error("stumbled");
}

class PlainWeight : public WeightSource {
 public:
  at::Tensor materialize(at::ScalarType dtype) const override {
    return at::ones({3, 4}, dtype);
  }
  int64_t version() const override {
    return 0;
  }
  bool frozen() const override {
    return true;
  }
};

/// Throws everywhere, or returns what it was given.
class TestGemm : public Gemm {
 public:
  TestGemm() = default;
  TestGemm(at::Tensor y, at::Tensor grad_x)
      : fails_(false), y_(std::move(y)), grad_x_(std::move(grad_x)) {}

  at::Tensor forward(
      const Activation&,
      const WeightSource&,
      const StepContext&,
      Saved*) override {
    return fails_ ? (stumble(), at::Tensor()) : y_;
  }
  at::Tensor backward(
      const at::Tensor&,
      Saved&,
      const WeightSource&,
      const StepContext&,
      const GradRequest&) override {
    return fails_ ? (stumble(), at::Tensor()) : grad_x_;
  }
  State state() const override {
    return fails_ ? (stumble(), State()) : State{{"amax", at::ones({2})}};
  }
  void load(const State& state) override {
    fails_ ? stumble() : static_cast<void>(loaded = state.size());
  }
  std::vector<CastStatistics> statistics() const override {
    return fails_ ? (stumble(), std::vector<CastStatistics>())
                  : std::vector<CastStatistics>{{"input", 7}};
  }

  size_t loaded = 0;

 private:
  bool fails_ = true;
  at::Tensor y_, grad_x_;
};

/// The calls of a site, of two rows.
struct Calls {
  explicit Calls(std::unique_ptr<Gemm> made)
      : gemm(guarded("te", kSite, std::move(made))) {}

  at::Tensor forward(at::ScalarType dtype = at::kFloat) {
    return gemm->forward({at::ones({2, 4}, dtype)}, weight, context, nullptr);
  }
  at::Tensor backward(bool input = true) {
    return gemm->backward(
        at::ones({2, 3}), saved, weight, context, {input, at::Tensor()});
  }

  std::unique_ptr<Gemm> gemm;
  PlainWeight weight;
  StepContext context;
  Saved saved;
};

TEST(GuardedGemm, EveryMethodNamesPluginAndSite) {
  Calls calls(std::make_unique<TestGemm>());
  const std::vector<std::pair<std::string, std::function<void()>>> methods = {
      {"forward", [&] { calls.forward(); }},
      {"backward", [&] { calls.backward(); }},
      {"state", [&] { calls.gemm->state(); }},
      {"load", [&] { calls.gemm->load({}); }},
      {"statistics", [&] { calls.gemm->statistics(); }}};
  for (const auto& [name, method] : methods) {
    EXPECT_EQ(
        message_of(method),
        "[plugin te] " + name +
            " of model.layers.1.mlp.up_proj failed: stumbled");
    EXPECT_EQ(code_of(method), ExitCode::failed);
  }
}

TEST(GuardedGemm, WhatIsRightPassesThrough) {
  const at::Tensor y = at::zeros({2, 3}), grad_x = at::zeros({2, 4});
  auto made = std::make_unique<TestGemm>(y, grad_x);
  const TestGemm& inner = *made;
  Calls calls(std::move(made));
  EXPECT_TRUE(calls.forward().is_same(y));
  EXPECT_TRUE(calls.backward().is_same(grad_x));
  EXPECT_EQ(calls.gemm->state().at(0).first, "amax");
  EXPECT_EQ(calls.gemm->statistics().at(0).amax, 7);
  calls.gemm->load({{"a", at::ones({1})}, {"b", at::ones({1})}});
  EXPECT_EQ(inner.loaded, 2u);
}

TEST(GuardedGemm, AnotherShapeOrDtypeIsRefused) {
  Calls narrow(std::make_unique<TestGemm>(at::ones({2, 2}), at::Tensor()));
  EXPECT_EQ(
      message_of([&] { narrow.forward(); }),
      "[plugin te] forward of model.layers.1.mlp.up_proj returned Float [2, "
      "2], expected Float [2, 3]");
  EXPECT_EQ(
      message_of([&] { narrow.backward(); }),
      "[plugin te] backward of model.layers.1.mlp.up_proj returned an "
      "undefined tensor, expected Float [2, 4]");
  EXPECT_EQ(message_of([&] { narrow.backward(false); }), "no error");
  Calls other(std::make_unique<TestGemm>(at::ones({2, 3}), at::Tensor()));
  EXPECT_EQ(
      message_of([&] { other.forward(at::kBFloat16); }),
      "[plugin te] forward of model.layers.1.mlp.up_proj returned Float [2, "
      "3], expected BFloat16 [2, 3]");
}

class TestBackend : public PrecisionBackend {
 public:
  explicit TestBackend(bool fails) : fails_(fails) {}

  SiteVerdict accepts(const Site&) const override {
    fail("accepts");
    return SiteVerdict::yes(5);
  }
  std::unique_ptr<Gemm> make_gemm(const Site& site) override {
    fail("make_gemm");
    return site.layer == 1 ? std::make_unique<TestGemm>() : nullptr;
  }
  void use_collective(Collective&) override {
    fail("use_collective");
  }
  void end_microbatch(const StepContext&) override {
    fail("end_microbatch");
  }
  void end_step(const StepContext&) override {
    fail("end_step");
  }

  mutable std::vector<std::string> called;

 private:
  void fail(const char* method) const {
    called.emplace_back(method);
    if (fails_) {
      stumble();
    }
  }
  bool fails_;
};

class OneRank : public Collective {
 public:
  int64_t rank() const override {
    return 0;
  }
  int64_t world_size() const override {
    return 1;
  }
  void all_reduce_max(at::Tensor&) override {}
  void all_reduce_sum(at::Tensor&) override {}
};

void call_all(PrecisionBackend& backend, std::vector<std::string>& messages) {
  OneRank collective;
  for (const std::function<void()>& method : std::vector<std::function<void()>>{
           [&] { backend.accepts(kSite); },
           [&] { backend.make_gemm(kSite); },
           [&] { backend.use_collective(collective); },
           [&] { backend.end_microbatch({}); },
           [&] { backend.end_step({}); }}) {
    messages.push_back(message_of(method));
  }
}

TEST(GuardedBackend, EveryMethodNamesThePlugin) {
  std::vector<std::string> messages;
  const auto backend = guarded("te", std::make_shared<TestBackend>(true));
  call_all(*backend, messages);
  EXPECT_THAT(
      messages,
      ElementsAre(
          "[plugin te] accepts of model.layers.1.mlp.up_proj failed: stumbled",
          "[plugin te] make_gemm of model.layers.1.mlp.up_proj failed: "
          "stumbled",
          "[plugin te] use_collective failed: stumbled",
          "[plugin te] end_microbatch failed: stumbled",
          "[plugin te] end_step failed: stumbled"));
  EXPECT_EQ(code_of([&] { backend->accepts(kSite); }), ExitCode::resolution);
  EXPECT_EQ(code_of([&] { backend->end_step({}); }), ExitCode::failed);
}

TEST(GuardedBackend, EveryMethodReachesThePlugin) {
  std::vector<std::string> messages;
  const auto inner = std::make_shared<TestBackend>(false);
  const auto backend = guarded("te", inner);
  call_all(*backend, messages);
  EXPECT_THAT(
      inner->called,
      ElementsAre(
          "accepts",
          "make_gemm",
          "use_collective",
          "end_microbatch",
          "end_step"));
  EXPECT_EQ(backend->accepts(kSite).added_parameters, 5);
}

TEST(GuardedBackend, ItsGemmsAreGuardedAndNoneStaysNone) {
  const auto backend = guarded("te", std::make_shared<TestBackend>(false));
  Site other = kSite;
  other.layer = 2;
  EXPECT_EQ(backend->make_gemm(other), nullptr);
  EXPECT_EQ(
      message_of([&] { backend->make_gemm(kSite)->state(); }),
      "[plugin te] state of model.layers.1.mlp.up_proj failed: stumbled");
}

class FailingAdapter : public Adapter {
 public:
  void forward(
      const at::Tensor&,
      at::Tensor& y,
      const StepContext& context,
      Saved*) override {
    context.training ? stumble() : static_cast<void>(y = at::ones({1, 1}));
  }
  void backward(
      const at::Tensor&,
      at::Tensor& grad_x,
      const StepContext& context,
      Saved&) override {
    context.training ? stumble() : static_cast<void>(grad_x = at::ones({1, 1}));
  }
  at::Tensor delta() const override {
    stumble();
  }
};

class FailingWeightTransform : public WeightTransform {
 public:
  at::Tensor forward(const at::Tensor&, const StepContext& context) override {
    return context.training ? (stumble(), at::Tensor()) : at::ones({1, 1});
  }
  void backward(const at::Tensor&, at::Tensor&) override {
    stumble();
  }
};

class FailingInputTransform : public InputTransform {
 public:
  at::Tensor forward(const at::Tensor&, const StepContext& context, Saved*)
      override {
    return context.training ? (stumble(), at::Tensor()) : at::ones({1, 1});
  }
  at::Tensor backward(const at::Tensor&, Saved&) override {
    stumble();
  }
};

class FailingSwiglu : public SwigluOp {
 public:
  std::string implementation() const override {
    return "test:failing";
  }
  at::Tensor forward(const at::Tensor&, const at::Tensor&, Saved*) override {
    stumble();
  }
  std::pair<at::Tensor, at::Tensor> backward(const at::Tensor&, Saved&)
      override {
    return {at::ones({1, 1}), at::Tensor()};
  }
};

/// Keeps what a feature hands over.
class RecordingEditor : public ModelEditor {
 public:
  const std::vector<Site>& sites() const override {
    return sites_;
  }
  const std::vector<Site>& planned_sites() const override {
    return sites_;
  }
  at::ScalarType compute_dtype() const override {
    return at::kHalf;
  }
  uint64_t seed() const override {
    return 11;
  }
  const WeightSource& weight(const std::string&) const override {
    return weight_;
  }
  Parameter& add_parameter(std::string name, at::Tensor, bool) override {
    parameter.name = std::move(name);
    return parameter;
  }
  void add_adapter(const std::string& site, std::unique_ptr<Adapter> made)
      override {
    if (site != kSite.name) {
      throw Error("model", "no such site");
    }
    adapter = std::move(made);
  }
  void set_weight_transform(
      const std::string&,
      std::unique_ptr<WeightTransform> made) override {
    weight_transform = std::move(made);
  }
  void set_input_transform(
      const std::string&,
      std::unique_ptr<InputTransform> made) override {
    input_transform = std::move(made);
  }
  void replace_op(const std::string&, std::shared_ptr<Op> made) override {
    op = std::move(made);
  }
  void on_step_end(std::function<void(const StepReport&)> made) override {
    hook = std::move(made);
  }

  Parameter parameter;
  std::unique_ptr<Adapter> adapter;
  std::unique_ptr<WeightTransform> weight_transform;
  std::unique_ptr<InputTransform> input_transform;
  std::shared_ptr<Op> op;
  std::function<void(const StepReport&)> hook;

 private:
  std::vector<Site> sites_ = {kSite};
  PlainWeight weight_;
};

/// Its apply is a function of the test; all else throws.
class TestFeature : public Feature {
 public:
  explicit TestFeature(std::function<void(ModelEditor&)> apply)
      : apply_(std::move(apply)) {}

  SiteVerdict accepts(const Site&) const override {
    stumble();
  }
  void apply(ModelEditor& editor) override {
    apply_(editor);
  }
  AdapterFiles export_adapter(const ExportContext&) const override {
    stumble();
  }
  void import_adapter(const AdapterFiles&) override {
    stumble();
  }
  State state() const override {
    stumble();
  }
  void load(const State&) override {
    stumble();
  }

 private:
  std::function<void(ModelEditor&)> apply_;
};

std::shared_ptr<Feature> feature_with(
    const std::function<void(ModelEditor&)>& apply) {
  return guarded("qat", std::make_shared<TestFeature>(apply));
}

void apply_to(
    RecordingEditor& editor,
    const std::function<void(ModelEditor&)>& apply) {
  feature_with(apply)->apply(editor);
}

TEST(GuardedFeature, EveryMethodNamesThePlugin) {
  RecordingEditor editor;
  const auto feature = feature_with([](ModelEditor&) { stumble(); });
  const std::vector<std::pair<std::string, std::function<void()>>> methods = {
      {"accepts of model.layers.1.mlp.up_proj",
       [&] { feature->accepts(kSite); }},
      {"apply", [&] { feature->apply(editor); }},
      {"export_adapter", [&] { feature->export_adapter({}); }},
      {"import_adapter", [&] { feature->import_adapter({}); }},
      {"state", [&] { feature->state(); }},
      {"load", [&] { feature->load({}); }}};
  for (const auto& [name, method] : methods) {
    EXPECT_EQ(message_of(method), "[plugin qat] " + name + " failed: stumbled");
  }
  EXPECT_EQ(code_of(methods[1].second), ExitCode::resolution);
}

TEST(GuardedFeature, ARefusalOfTheEditorIsToldUnderItsName) {
  RecordingEditor editor;
  EXPECT_EQ(
      message_of([&] {
        apply_to(editor, [](ModelEditor& given) {
          given.add_adapter("lm_head", std::make_unique<FailingAdapter>());
        });
      }),
      "[plugin qat] apply failed: [model] no such site");
  EXPECT_EQ(
      message_of([&] {
        apply_to(editor, [](ModelEditor& given) {
          given.add_adapter(kSite.name, nullptr);
        });
      }),
      "[plugin qat] apply failed: [model] expected an adapter for "
      "model.layers.1.mlp.up_proj, found none");
}

TEST(GuardedFeature, SeesTheCoresOwnEditor) {
  RecordingEditor editor;
  apply_to(editor, [&](ModelEditor& given) {
    EXPECT_EQ(&given.sites(), &editor.sites());
    EXPECT_EQ(&given.planned_sites(), &editor.planned_sites());
    EXPECT_EQ(given.compute_dtype(), at::kHalf);
    EXPECT_EQ(given.seed(), 11u);
    EXPECT_EQ(&given.weight("any"), &editor.weight("any"));
    given.add_parameter("a.name", at::ones({1}), true);
  });
  EXPECT_EQ(editor.parameter.name, "a.name");
}

TEST(GuardedFeature, AdaptersAreGuarded) {
  RecordingEditor editor;
  apply_to(editor, [](ModelEditor& given) {
    given.add_adapter(kSite.name, std::make_unique<FailingAdapter>());
  });
  Adapter& adapter = *editor.adapter;
  const at::Tensor x = at::ones({2, 4});
  at::Tensor y = at::ones({2, 3}), grad_x = at::ones({2, 4});
  Saved saved;
  StepContext failing, wrong;
  failing.training = true;
  const std::string of = " of the adapter of model.layers.1.mlp.up_proj ";
  EXPECT_EQ(
      message_of([&] { adapter.forward(x, y, failing, nullptr); }),
      "[plugin qat] forward" + of + "failed: stumbled");
  EXPECT_EQ(
      message_of([&] { adapter.backward(y, grad_x, failing, saved); }),
      "[plugin qat] backward" + of + "failed: stumbled");
  EXPECT_EQ(
      message_of([&] { adapter.delta(); }),
      "[plugin qat] delta" + of + "failed: stumbled");
  EXPECT_EQ(
      message_of([&] { adapter.backward(y, grad_x, wrong, saved); }),
      "[plugin qat] backward" + of +
          "returned Float [1, 1], expected Float [2, 4]");
  EXPECT_EQ(
      message_of([&] { adapter.forward(x, y, wrong, nullptr); }),
      "[plugin qat] forward" + of +
          "returned Float [1, 1], expected Float [2, 3]");
}

TEST(GuardedFeature, TransformsAreGuarded) {
  RecordingEditor editor;
  apply_to(editor, [](ModelEditor& given) {
    given.set_weight_transform(
        kSite.name, std::make_unique<FailingWeightTransform>());
    given.set_input_transform(
        kSite.name, std::make_unique<FailingInputTransform>());
  });
  at::Tensor w = at::ones({3, 4});
  Saved saved;
  StepContext failing, wrong;
  failing.training = true;
  const std::string weight =
      " of the weight transform of model.layers.1.mlp.up_proj ";
  const std::string input =
      " of the input transform of model.layers.1.mlp.up_proj ";
  EXPECT_EQ(
      message_of([&] { editor.weight_transform->forward(w, failing); }),
      "[plugin qat] forward" + weight + "failed: stumbled");
  EXPECT_EQ(
      message_of([&] { editor.weight_transform->backward(w, w); }),
      "[plugin qat] backward" + weight + "failed: stumbled");
  EXPECT_EQ(
      message_of([&] { editor.weight_transform->forward(w, wrong); }),
      "[plugin qat] forward" + weight +
          "returned Float [1, 1], expected Float [3, 4]");
  EXPECT_EQ(
      message_of([&] { editor.input_transform->forward(w, failing, nullptr); }),
      "[plugin qat] forward" + input + "failed: stumbled");
  EXPECT_EQ(
      message_of([&] { editor.input_transform->backward(w, saved); }),
      "[plugin qat] backward" + input + "failed: stumbled");
}

TEST(GuardedFeature, OpsAndHooksAreGuarded) {
  RecordingEditor editor;
  apply_to(editor, [](ModelEditor& given) {
    given.replace_op("swiglu", std::make_shared<FailingSwiglu>());
    given.on_step_end([](const StepReport&) { stumble(); });
  });
  auto& op = dynamic_cast<SwigluOp&>(*editor.op);
  EXPECT_EQ(op.implementation(), "test:failing");
  const at::Tensor x = at::ones({2, 4});
  Saved saved;
  EXPECT_EQ(
      message_of([&] { op.forward(x, x, nullptr); }),
      "[plugin qat] forward of op swiglu failed: stumbled");
  EXPECT_EQ(
      message_of([&] { op.backward(x, saved); }),
      "[plugin qat] backward of op swiglu returned Float [1, 1], expected "
      "Float [2, 4]");
  EXPECT_EQ(
      message_of([&] { editor.hook({}); }),
      "[plugin qat] its hook at the end of a step failed: stumbled");
}

// Each op keeps its interface, else the op table would refuse it.
TEST(GuardedOps, KeepInterfaceAndResults) {
  const auto same = [](const std::shared_ptr<Op>& op) {
    const auto wrapped = guarded("kernels", op);
    EXPECT_NE(wrapped, op);
    EXPECT_EQ(wrapped->implementation(), op->implementation());
    return wrapped;
  };
  using ::octet::testing::random;
  const at::Tensor x = random({5, 8}, 1), w = random({8}, 2);
  const auto norm =
      std::dynamic_pointer_cast<RmsNormOp>(same(reference_rms_norm()));
  ASSERT_NE(norm, nullptr);
  EXPECT_TRUE(norm->forward(x, w, 1e-5, nullptr)
                  .equal(reference_rms_norm()->forward(x, w, 1e-5, nullptr)));
  EXPECT_NE(
      std::dynamic_pointer_cast<SwigluOp>(same(reference_swiglu())), nullptr);
  EXPECT_NE(std::dynamic_pointer_cast<RopeOp>(same(reference_rope())), nullptr);
  EXPECT_NE(
      std::dynamic_pointer_cast<AttentionOp>(same(reference_attention())),
      nullptr);
  EXPECT_NE(
      std::dynamic_pointer_cast<CrossEntropyOp>(
          same(reference_cross_entropy())),
      nullptr);
  EXPECT_NE(
      std::dynamic_pointer_cast<AdamwOp>(same(reference_adamw())), nullptr);
  EXPECT_EQ(guarded("kernels", std::shared_ptr<Op>()), nullptr);
}

} // namespace
} // namespace octet
