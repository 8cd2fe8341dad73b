// Which StepContext a Gemm sees: in training, in a recomputed forward, in
// evaluation and in generation. Stateful backends go by it.
#include "core/model/decoder.h"

#include "core/model/kv_cache.h"
#include "tests/core/model/recording_backend.h"
#include "tests/core/model/tiny_model.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::Call;
using testing::make_decoder;
using testing::random_batch;
using testing::RecordingBackend;
using testing::tiny_spec;

constexpr size_t kLinears = 2 * 7 + 1;

class StepContexts : public ::testing::Test {
 protected:
  void use(bool activation_checkpointing) {
    DecoderOptions options;
    options.activation_checkpointing = activation_checkpointing;
    decoder_ = make_decoder(spec_, options);
    decoder_->use_backend(
        "recorder", backend_, testing::gemm_plan(spec_, [](const Site&) {
          return "recorder";
        }));
  }
  std::vector<Call> of(const std::string& what) const {
    std::vector<Call> found;
    for (const Call& call : backend_.calls) {
      if (call.what == what) {
        found.push_back(call);
      }
    }
    return found;
  }
  static StepContext context() {
    StepContext context;
    context.step = 7;
    context.microbatch = 2;
    context.first_microbatch = false;
    context.training = true;
    context.watch = true;
    context.seed = 99;
    return context;
  }
  static void expect_training(const StepContext& seen) {
    EXPECT_EQ(seen.step, 7);
    EXPECT_EQ(seen.microbatch, 2);
    EXPECT_FALSE(seen.first_microbatch);
    EXPECT_TRUE(seen.training);
    EXPECT_EQ(seen.view, ModelView::policy);
    EXPECT_EQ(seen.seed, 99u);
  }

  const ModelSpec spec_ = tiny_spec();
  RecordingBackend backend_;
  std::unique_ptr<Decoder> decoder_;
};

TEST_F(StepContexts, TrainingPassesItsContextForwardAndBack) {
  use(false);
  decoder_->train_microbatch(random_batch(spec_, {12}), context(), 0.1);
  EXPECT_EQ(of("forward").size(), kLinears);
  EXPECT_EQ(of("backward").size(), kLinears);
  for (const Call& call : backend_.calls) {
    expect_training(call.context);
    EXPECT_FALSE(call.context.recompute) << call.site;
    EXPECT_TRUE(call.context.watch) << call.site;
    EXPECT_EQ(call.saves, call.what == "forward") << call.site;
  }
}

TEST_F(StepContexts, RecomputedForwardIsMarkedAndIsNotWatchedAgain) {
  use(true);
  decoder_->train_microbatch(random_batch(spec_, {12}), context(), 0.1);
  size_t first = 0, again = 0;
  for (const Call& call : of("forward")) {
    expect_training(call.context);
    const bool head = call.site == "lm_head";
    if (call.context.recompute) {
      ++again;
      EXPECT_FALSE(head);
      EXPECT_TRUE(call.saves) << call.site;
      EXPECT_FALSE(call.context.watch) << call.site;
    } else {
      ++first;
      EXPECT_EQ(call.saves, head) << call.site;
      EXPECT_TRUE(call.context.watch) << call.site;
    }
  }
  EXPECT_EQ(first, kLinears);
  EXPECT_EQ(again, kLinears - 1);
  for (const Call& call : of("backward")) {
    expect_training(call.context);
    EXPECT_FALSE(call.context.recompute) << call.site;
    EXPECT_TRUE(call.context.watch) << call.site;
  }
}

TEST_F(StepContexts, RecomputationAddsNothingToTheState) {
  State once, twice;
  for (const bool checkpointing : {false, true}) {
    use(checkpointing);
    decoder_->train_microbatch(random_batch(spec_, {12}), context(), 0.1);
    (checkpointing ? twice : once) = decoder_->backend_state();
  }
  ASSERT_EQ(once.size(), kLinears);
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].first, twice[i].first);
    EXPECT_EQ(once[i].second.item<int64_t>(), 1);
    EXPECT_EQ(twice[i].second.item<int64_t>(), 1) << once[i].first;
  }
}

TEST_F(StepContexts, EvaluationAndGenerationAreNoTrainingAndSaveNothing) {
  for (const ModelView view : {ModelView::evaluation, ModelView::generation}) {
    backend_.calls.clear();
    use(true);
    StepContext given;
    given.view = view;
    given.seed = 5;
    if (view == ModelView::evaluation) {
      decoder_->evaluate(random_batch(spec_, {12}), given);
    } else {
      const auto cache = decoder_->new_cache();
      decoder_->extend({1, 2, 3}, *cache, given);
      decoder_->extend({4}, *cache, given);
    }
    EXPECT_TRUE(of("backward").empty());
    EXPECT_FALSE(of("forward").empty());
    for (const Call& call : backend_.calls) {
      EXPECT_EQ(call.context.view, view);
      EXPECT_FALSE(call.context.training);
      EXPECT_FALSE(call.context.recompute);
      EXPECT_FALSE(call.context.watch);
      EXPECT_EQ(call.context.step, 0);
      EXPECT_EQ(call.context.seed, 5u);
      EXPECT_FALSE(call.saves);
    }
    for (const auto& [name, value] : decoder_->backend_state()) {
      EXPECT_EQ(value.item<int64_t>(), 0) << name;
    }
  }
}

TEST_F(StepContexts, OnlyThePolicysCallsCount) {
  use(false);
  StepContext given;
  given.view = ModelView::evaluation;
  decoder_->evaluate(random_batch(spec_, {12}), given);
  given.view = ModelView::reference;
  decoder_->evaluate(random_batch(spec_, {12}), given);
  EXPECT_EQ(decoder_->call_counts().at("lm_head"), CallCount{});
  decoder_->train_microbatch(random_batch(spec_, {12}), context(), 0.1);
  EXPECT_EQ(decoder_->call_counts().at("lm_head"), (CallCount{1, 1}));
}

TEST_F(StepContexts, StatisticsAreThoseOfTheSitesThatPluginsCompute) {
  decoder_ = make_decoder(spec_);
  decoder_->use_backend(
      "recorder", backend_, testing::gemm_plan(spec_, [](const Site& site) {
        return site.role == "up_proj" ? "recorder" : "";
      }));
  decoder_->train_microbatch(random_batch(spec_, {12}), context(), 0.1);
  const std::vector<SiteCasts> casts = decoder_->cast_statistics();
  ASSERT_EQ(casts.size(), 2u);
  EXPECT_EQ(casts[0].site, "model.layers.0.mlp.up_proj");
  EXPECT_EQ(casts[1].site, "model.layers.1.mlp.up_proj");
  ASSERT_EQ(casts[0].casts.size(), 2u);
  EXPECT_EQ(casts[0].casts[0].tensor, "input");
  EXPECT_EQ(decoder_->gemm_plugin("model.layers.0.mlp.up_proj"), "recorder");
  EXPECT_EQ(decoder_->gemm_plugin("lm_head"), "");
}

} // namespace
} // namespace octet
