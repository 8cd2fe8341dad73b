// Keys that are each fine but cannot be asked for together.
#include "tests/core/config/config_fixture.h"

namespace octet {
namespace {

using ConfigContradictions = ConfigTest;

TEST_F(ConfigContradictions, TwoWaysToSayTheSizeOfAStep) {
  EXPECT_EQ(
      message(
          base() +
          "[train]\ntokens_per_step = 4096\ngradient_accumulation = 8\n"),
      "[config] train.tokens_per_step (run.toml:6) and "
      "train.gradient_accumulation (run.toml:7) both decide the size of a "
      "step; remove one of them");
}

TEST_F(ConfigContradictions, TwoWaysToSayWhatToEvaluateOn) {
  EXPECT_EQ(
      message(base() + "eval = [\"b.jsonl\"]\neval_fraction = 0.1\n"),
      "[config] data.eval_fraction (run.toml:6) and data.eval (run.toml:5) "
      "both say what to evaluate on; remove one of them");
}

TEST_F(ConfigContradictions, EvaluationsOfNothing) {
  EXPECT_EQ(
      message(base() + "[eval]\nevery = 10\n"),
      "[config] eval.every (run.toml:6) asks for evaluations but there is "
      "nothing to evaluate on; give data.eval or data.eval_fraction, or remove "
      "it");
}

TEST_F(ConfigContradictions, WarmupThatIsNeitherPartNorSteps) {
  EXPECT_EQ(
      message(base() + "[train]\nwarmup = 1.5\n"),
      "[config] train.warmup (run.toml:6) is 1.5: from 1 on it counts steps "
      "and must be a whole number; below 1 it is a part of all steps");
}

TEST_F(ConfigContradictions, WarmupLongerThanTheRun) {
  EXPECT_EQ(
      message(base() + "[train]\nwarmup = 20\nmax_steps = 10\n"),
      "[config] train.warmup (run.toml:6) is 20.0 steps, more than the 10 of "
      "train.max_steps (run.toml:7); lower it");
}

TEST_F(ConfigContradictions, WarmupAndDecayLongerThanTheRun) {
  EXPECT_EQ(
      message(
          base() +
          "[train]\nschedule = \"warmup-stable-decay\"\nwarmup = 0.5\n"
          "decay = 0.6\n"),
      "[config] train.warmup = 0.5 and train.decay = 0.6 are more than all "
      "steps together; lower one of them");
}

TEST_F(ConfigContradictions, DecayThatTheScheduleDoesNotRead) {
  EXPECT_EQ(
      message(base() + "[train]\ndecay = 0.1\n"),
      "[config] train.decay (run.toml:6) is read by train.schedule = "
      "\"warmup-stable-decay\" only, found \"cosine\"; remove it or change the "
      "schedule");
}

TEST_F(ConfigContradictions, FloorThatAConstantScheduleNeverReaches) {
  EXPECT_EQ(
      message(
          base() +
          "[train]\nschedule = \"constant\"\nmin_learning_rate_ratio = 0.1\n"),
      "[config] train.min_learning_rate_ratio (run.toml:7) has no meaning with "
      "train.schedule = \"constant\"; remove it or change the schedule");
}

TEST_F(ConfigContradictions, CustomTemplateNeedsItsTable) {
  EXPECT_EQ(
      message(base() + "template = \"custom\"\n"),
      "[config] data.template (run.toml:5) is \"custom\" but there is no "
      "[data.custom_template]; add it, or name a template");
}

TEST_F(ConfigContradictions, CustomTemplateThatNothingUses) {
  EXPECT_EQ(
      message(
          base() +
          "[data.custom_template]\nuser = \"{user}\"\n"
          "assistant = \"{assistant}\"\n"),
      "[config] [data.custom_template] is there but data.template is \"auto\"; "
      "set data.template = \"custom\", or remove the table");
}

TEST_F(ConfigContradictions, CustomTemplateWithoutItsParts) {
  const std::string text =
      message(base() + "template = \"custom\"\n[data.custom_template]\n");
  EXPECT_NE(
      text.find("missing key data.custom_template.user (run.toml:6)"),
      std::string::npos)
      << text;
  EXPECT_NE(
      text.find("missing key data.custom_template.assistant (run.toml:6)"),
      std::string::npos)
      << text;
}

TEST_F(ConfigContradictions, PromptInTheLossAndHistoryOutOfIt) {
  EXPECT_EQ(
      message(base() + "train_on_prompt = true\nmask_history = true\n"),
      "[config] data.train_on_prompt (run.toml:5) and data.mask_history "
      "(run.toml:6) contradict each other: one adds tokens to the loss that "
      "the other takes out; set one of them to false");
}

TEST_F(ConfigContradictions, PromptsInPretraining) {
  EXPECT_EQ(
      message(base() + "train_on_prompt = true\n[train]\nstage = \"pt\"\n"),
      "[config] data.train_on_prompt (run.toml:5) has no meaning in "
      "train.stage = \"pt\", which trains on all of the text; remove it");
}

TEST_F(ConfigContradictions, MeasuringWhatANameHasDecided) {
  EXPECT_EQ(
      message(base() + "[precision]\nbackend = \"some\"\nmeasure = true\n"),
      "[config] precision.measure (run.toml:7) lets measurements choose, but "
      "precision.backend (run.toml:6) already names some, which never gives "
      "way "
      "to another; remove one of them");
}

TEST_F(ConfigContradictions, MarginAndTableOfNoMeasurement) {
  EXPECT_EQ(
      message(base() + "[precision]\nmeasure_margin = 1.2\n"),
      "[config] precision.measure_margin (run.toml:6) is read with "
      "precision.measure = true only; set it, or remove "
      "precision.measure_margin");
  EXPECT_EQ(
      message(base() + "[precision]\ntimings = \"t.json\"\n"),
      "[config] precision.timings (run.toml:6) is read with "
      "precision.measure = true only; set it, or remove precision.timings");
}

TEST_F(ConfigContradictions, TableOfTimingsThatIsNotThere) {
  const std::string text = message(
      base() + "[precision]\nmeasure = true\ntimings = \"gone.json\"\n");
  EXPECT_NE(text.find("no such file"), std::string::npos) << text;
  EXPECT_NE(text.find("precision.timings"), std::string::npos) << text;
}

TEST_F(ConfigContradictions, LimitsOfAWatchThatNeverLooks) {
  EXPECT_EQ(
      message(base() + "[watch]\noverflow_limit = 0.5\n"),
      "[config] watch.overflow_limit (run.toml:6) has no effect without "
      "watch.every, which says how often to look; set it, or remove "
      "watch.overflow_limit");
  EXPECT_EQ(
      message(base() + "[watch]\nevery = 5\noverflow_limit = 0.5\n"),
      "no problem");
}

} // namespace
} // namespace octet
