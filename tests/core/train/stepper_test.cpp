// The step that every stage uses: what backends are told and when, and the
// postcondition that no objective gets around.
#include "core/train/step.h"

#include "core/base/problems.h"
#include "core/config/schema.h"
#include "tests/core/model/recording_backend.h"
#include "tests/core/model/tiny_model.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace octet {
namespace {

using testing::Call;
using ::testing::HasSubstr;
using testing::make_decoder;
using ::testing::Not;
using testing::random_batch;
using testing::RecordingBackend;
using testing::tiny_spec;

class StepperTest : public ::testing::Test {
 protected:
  void use(
      const std::function<std::string(const Site&)>& plugin_of,
      bool activation_checkpointing = false) {
    DecoderOptions options;
    options.activation_checkpointing = activation_checkpointing;
    decoder_ = make_decoder(spec_, options);
    plan_ = testing::gemm_plan(spec_, plugin_of, activation_checkpointing);
    RunPlugins plugins;
    plugins.backends = {{"eight", eight_}, {"plain", plain_}};
    plugins_ = plugins;
    applied_.emplace(apply_plugins(plugins, plan_, *decoder_));
    TrainSection settings;
    settings.beta1 = 0.9;
    settings.beta2 = 0.99;
    settings.epsilon = 1e-8;
    optimizer_ = std::make_unique<Optimizer>(decoder_->parameters(), settings);
  }
  Stepper stepper(const Objective& objective) {
    return Stepper(*decoder_, *applied_, *optimizer_, objective, 42);
  }
  StepBatch batch(size_t microbatches) const {
    StepBatch batch;
    for (size_t i = 0; i < microbatches; ++i) {
      batch.microbatches.push_back(
          random_batch(spec_, {12, 5}, static_cast<uint32_t>(i)));
      batch.target_count += batch.microbatches.back().target_count;
      batch.token_count += 17;
    }
    return batch;
  }
  std::string problem_of(const Objective& objective) {
    Stepper steps = stepper(objective);
    const at::Tensor before = optimizer_->parameters()[0]->master.clone();
    try {
      steps.step(batch(2), {1, 1e-3});
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::resolution);
      // Nothing was trained that was not asked for.
      EXPECT_TRUE(at::equal(before, optimizer_->parameters()[0]->master));
      EXPECT_EQ(optimizer_->updates(), 0);
      return failure.what();
    }
    return "";
  }

  const ModelSpec spec_ = tiny_spec();
  std::shared_ptr<RecordingBackend> eight_ =
      std::make_shared<RecordingBackend>();
  std::shared_ptr<RecordingBackend> plain_ =
      std::make_shared<RecordingBackend>(false);
  RunPlugins plugins_;
  std::unique_ptr<Decoder> decoder_;
  Plan plan_;
  std::optional<AppliedPlan> applied_;
  std::unique_ptr<Optimizer> optimizer_;
};

std::string all_eight(const Site&) {
  return "eight";
}

std::string mlp_eight(const Site& site) {
  return site.role == "up_proj" || site.role == "gate_proj" ? "eight" : "plain";
}

TEST_F(StepperTest, BackendsAreToldEveryMicrobatchAndTheStepOnceInOrder) {
  use(mlp_eight);
  Stepper steps = stepper(objective_of("sft"));
  for (const int64_t step : {5, 6}) {
    eight_->calls.clear();
    plain_->calls.clear();
    const StepResult result = steps.step(batch(3), {step, 1e-3});
    EXPECT_EQ(result.problem, "");
    for (const RecordingBackend* backend : {eight_.get(), plain_.get()}) {
      int64_t microbatch = 0;
      std::string last;
      for (const Call& call : backend->calls) {
        EXPECT_EQ(call.context.step, step);
        EXPECT_EQ(call.context.seed, 42u);
        EXPECT_TRUE(call.context.training);
        EXPECT_FALSE(call.context.watch);
        if (call.what == "end_step") {
          EXPECT_EQ(last, "end_microbatch");
          EXPECT_EQ(microbatch, 3);
          // The context of the last microbatch.
          EXPECT_EQ(call.context.microbatch, 2);
          EXPECT_FALSE(call.context.first_microbatch);
        } else {
          EXPECT_NE(last, "end_step");
          EXPECT_EQ(call.context.microbatch, microbatch);
          EXPECT_EQ(call.context.first_microbatch, microbatch == 0);
          microbatch += call.what == "end_microbatch" ? 1 : 0;
        }
        last = call.what;
      }
      EXPECT_EQ(last, "end_step");
    }
  }
}

TEST_F(StepperTest, StepThatIsNotAppliedHasNoEnd) {
  use(all_eight);
  decoder_->parameters().back()->master.fill_(
      std::numeric_limits<float>::quiet_NaN());
  ++decoder_->parameters().back()->version;
  Stepper steps = stepper(objective_of("sft"));
  EXPECT_NE(steps.step(batch(2), {1, 1e-3}).problem, "");
  EXPECT_EQ(eight_->calls.back().what, "end_microbatch");
  eight_->calls.clear();
  StepBatch nothing = batch(1);
  nothing.target_count = 0;
  EXPECT_TRUE(steps.step(nothing, {1, 1e-3}).skipped);
  EXPECT_TRUE(eight_->calls.empty());
}

TEST_F(StepperTest, WatchedStepWatchesItsFirstMicrobatchOnly) {
  for (const bool checkpointing : {false, true}) {
    use(all_eight, checkpointing);
    eight_->calls.clear();
    Stepper steps = stepper(objective_of("pt"));
    steps.step(batch(2), {1, 1e-3, /*watch=*/true});
    size_t watched = 0;
    for (const Call& call : eight_->calls) {
      if (call.what == "forward" || call.what == "backward") {
        EXPECT_EQ(
            call.context.watch,
            call.context.microbatch == 0 && !call.context.recompute);
        watched += call.context.watch ? 1 : 0;
      }
    }
    // Each layer forward and backward once.
    EXPECT_EQ(watched, 2u * 15);
  }
}

TEST_F(StepperTest, EveryStageOfTheConfigurationHasAnObjective) {
  for (const TableSpec& table : config_tables()) {
    for (const KeySpec& key : table.keys) {
      if (table.path == "train" && key.name == "stage") {
        EXPECT_GE(key.one_of.size(), 2u);
        for (const std::string& stage : key.one_of) {
          EXPECT_NO_THROW(objective_of(stage)) << stage;
        }
      }
    }
  }
  EXPECT_THROW(objective_of("dpo"), Error);
}

TEST_F(StepperTest, PlannedStepsPassWithTwoBackendsAndRecomputation) {
  for (const bool checkpointing : {false, true}) {
    use(mlp_eight, checkpointing);
    EXPECT_EQ(problem_of(objective_of("sft")), "");
    EXPECT_EQ(optimizer_->updates(), 1);
  }
}

/// A stage of tomorrow: its own way through the model.
class DummyStage : public Objective {
 public:
  using Train = std::function<
      LossSum(Decoder&, const Microbatch&, const StepContext&, double)>;
  explicit DummyStage(Train train) : train_(std::move(train)) {}
  LossSum train(
      Decoder& decoder,
      const Microbatch& batch,
      const StepContext& context,
      double scale) const override {
    return train_(decoder, batch, context, scale);
  }

 private:
  Train train_;
};

TEST_F(StepperTest, DummyStageThatTrainsThroughTheSitesPasses) {
  use(all_eight);
  EXPECT_EQ(
      problem_of(DummyStage([](auto& decoder,
                               const auto& batch,
                               const auto& context,
                               double scale) {
        StepContext reference = context;
        reference.view = ModelView::reference;
        reference.training = false;
        // A look at the reference, as preference stages take it.
        decoder.evaluate(batch, reference);
        return decoder.train_microbatch(batch, context, scale);
      })),
      "");
}

TEST_F(StepperTest, DummyStageWithoutBackwardOfTheSitesIsStopped) {
  use(all_eight);
  const std::string text = problem_of(DummyStage(
      [](auto& decoder, const auto& batch, const auto& context, double) {
        return decoder.evaluate(batch, context);
      }));
  EXPECT_THAT(text, HasSubstr("model.layers.0.self_attn.q_proj (eight)"));
  EXPECT_THAT(text, HasSubstr("counted 2 forward and 0 backward"));
}

TEST_F(StepperTest, DummyStageThatLeavesTheModelAsideIsStopped) {
  use(all_eight);
  const std::string text =
      problem_of(DummyStage([](auto&, const auto&, const auto&, double) {
        return LossSum{1.0, 1};
      }));
  EXPECT_THAT(text, HasSubstr("lm_head (eight)"));
  EXPECT_THAT(text, HasSubstr("counted 0 forward"));
}

TEST_F(StepperTest, DummyStageThatComputesASiteWithAnotherBackendIsStopped) {
  use(all_eight);
  const Plan other = testing::gemm_plan(spec_, [](const Site& site) {
    return site.role == "v_proj" ? "plain" : "";
  });
  const std::string text = problem_of(DummyStage(
      [&](Decoder& decoder, const auto& batch, const auto& context, double s) {
        decoder.use_backend("plain", *plain_, other);
        return decoder.train_microbatch(batch, context, s);
      }));
  EXPECT_THAT(
      text,
      HasSubstr("model.layers.0.self_attn.v_proj: expected to be computed by "
                "eight, was computed by plain"));
  EXPECT_THAT(text, Not(HasSubstr("q_proj")));
}

TEST_F(StepperTest, CheckComesWithTheFirstStepThatTrains) {
  use(all_eight);
  const DummyStage lazy([](auto&, const auto&, const auto&, double) {
    return LossSum{1.0, 1};
  });
  Stepper steps = stepper(lazy);
  StepBatch nothing = batch(1);
  nothing.target_count = 0;
  EXPECT_TRUE(steps.step(nothing, {1, 1e-3}).skipped);
  EXPECT_THROW(steps.step(batch(1), {2, 1e-3}), Failure);
}

TEST_F(StepperTest, StateOfBothBackendsComesBack) {
  use(mlp_eight);
  Stepper steps = stepper(objective_of("sft"));
  steps.step(batch(3), {1, 1e-3});
  const State saved = plugin_state(plugins_, *decoder_);
  ASSERT_EQ(saved.size(), 15u);
  bool eight = false, plain = false;
  for (const auto& [name, value] : saved) {
    EXPECT_EQ(value.item<int64_t>(), 3) << name;
    eight = eight || name == "backend/eight/model.layers.1.mlp.up_proj/trained";
    plain = plain || name == "backend/plain/lm_head/trained";
  }
  EXPECT_TRUE(eight && plain);
  use(mlp_eight);
  EXPECT_EQ(plugin_state(plugins_, *decoder_)[0].second.item<int64_t>(), 0);
  load_plugin_state(plugins_, saved, *decoder_);
  const State back = plugin_state(plugins_, *decoder_);
  ASSERT_EQ(back.size(), saved.size());
  for (size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i].first, saved[i].first);
    EXPECT_EQ(back[i].second.item<int64_t>(), 3) << back[i].first;
  }
}

TEST_F(StepperTest, StateOfASiteThatAnotherBackendComputesIsRefused) {
  use(mlp_eight);
  const State saved = plugin_state(plugins_, *decoder_);
  use(all_eight);
  try {
    load_plugin_state(plugins_, saved, *decoder_);
    FAIL() << "expected the state to be refused";
  } catch (const Failure& failure) {
    EXPECT_THAT(
        failure.what(), HasSubstr("was computed by plain and now by eight"));
  }
}

TEST_F(StepperTest, CheckpointWithoutTheStateOfABackendIsRefused) {
  use(mlp_eight);
  State saved = plugin_state(plugins_, *decoder_);
  saved.erase(saved.begin());
  try {
    load_plugin_state(plugins_, saved, *decoder_);
    FAIL() << "expected the state to be refused";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::input);
    EXPECT_THAT(
        failure.what(), HasSubstr("and the checkpoint has none (1 tensors)"));
  }
}

} // namespace
} // namespace octet
