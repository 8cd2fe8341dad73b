// Around a backend and its Gemms: what a method returns passes through, what it
// throws comes out with the plugin's name, and tensors of another shape or
// dtype than promised are refused.
#include "tests/core/model/guarded_fixture.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

namespace octet {
namespace {

using namespace guarding;
using ::testing::ElementsAre;

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

} // namespace
} // namespace octet
