// Around a feature and what it hands over: adapters, transforms, ops, hooks.
#include "core/ops/reference.h"
#include "tests/core/model/guarded_fixture.h"
#include "tests/core/model/tiny_model.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using namespace guarding;

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
