// Whole runs: what a user gets in the run directory.
#include "tests/integration/train_fixture.h"

#include "core/io/safetensors.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

double mean(const std::vector<double>& values, size_t begin, size_t end) {
  return std::accumulate(
             values.begin() + static_cast<std::ptrdiff_t>(begin),
             values.begin() + static_cast<std::ptrdiff_t>(end),
             0.0) /
      static_cast<double>(end - begin);
}

TEST_F(TrainRun, LoraLearnsAndLeavesAnAdapter) {
  const ProcessResult result = train(with_settings({"train.epochs=8"}));
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const std::vector<double> loss = losses();
  ASSERT_GE(loss.size(), 8u);
  EXPECT_LT(mean(loss, loss.size() - 4, loss.size()), 0.8 * mean(loss, 0, 4));
  for (const char* name :
       {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"}) {
    EXPECT_TRUE(fs::exists(run() / "model" / name)) << name;
  }
  EXPECT_FALSE(fs::exists(run() / "model" / "model.safetensors"));
  for (const char* name : {"resolution.json", "loss.svg", "report.html"}) {
    EXPECT_TRUE(fs::exists(run() / name)) << name;
  }
  EXPECT_FALSE(fs::exists(run() / "run.lock"));
  EXPECT_EQ(events("end").at(0)["outcome"], "finished");
}

TEST_F(TrainRun, FullTrainingLeavesAHuggingFaceFolder) {
  write("run.toml", [&] {
    std::string toml = file_bytes(folder() / "run.toml");
    return toml.substr(0, toml.find("[features.lora]"));
  }());
  const ProcessResult result = train();
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const auto before = open_safetensors(tiny_model() / "model.safetensors");
  const auto after = open_safetensors(run() / "model" / "model.safetensors");
  ASSERT_EQ(after->tensors().size(), before->tensors().size());
  for (const auto& [name, info] : before->tensors()) {
    const auto found = after->tensors().find(name);
    ASSERT_NE(found, after->tensors().end()) << name;
    EXPECT_EQ(found->second.shape, info.shape) << name;
    EXPECT_EQ(found->second.type, StoredType::f32) << name;
  }
  const auto config =
      nlohmann::json::parse(file_bytes(run() / "model" / "config.json"));
  EXPECT_EQ(config["dtype"], "float32");
  EXPECT_TRUE(fs::exists(run() / "model" / "chat_template.jinja"));
}

TEST_F(TrainRun, PretrainingOnTextRuns) {
  const ProcessResult result = train(with_settings(
      {"train.stage=pt",
       "data.train=[{path=\"text.txt\", format=\"text\"}]",
       "train.epochs=2"}));
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_GE(losses().size(), 2u);
}

TEST_F(TrainRun, EvaluationGivesPerplexity) {
  const ProcessResult result = train(with_settings(
      {"data.eval=[{path=\"data.jsonl\", format=\"alpaca\"}]",
       "eval.every=2"}));
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const auto found = events("eval");
  ASSERT_GE(found.size(), 2u);
  for (const auto& event : found) {
    const double loss = event["loss"];
    EXPECT_NEAR(event["perplexity"], std::exp(loss), 1e-9 * std::exp(loss));
  }
  EXPECT_LT(found.back()["loss"], found.front()["loss"]);
  EXPECT_THAT(result.out, HasSubstr("perplexity"));
}

TEST_F(TrainRun, ActivationCheckpointingChangesNoBit) {
  ASSERT_EQ(train().status, 0);
  ASSERT_EQ(
      train(with_settings(
                {"run.output=again", "train.activation_checkpointing=true"}))
          .status,
      0);
  EXPECT_EQ(losses(), losses(folder() / "again"));
  EXPECT_EQ(
      file_bytes(run() / "model" / "adapter_model.safetensors"),
      file_bytes(folder() / "again" / "model" / "adapter_model.safetensors"));
}

TEST_F(TrainRun, DryRunShowsThePlanAndWritesNothing) {
  const ProcessResult result = train({"--dry-run"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("lora"));
  EXPECT_THAT(result.out, HasSubstr("memory estimate"));
  EXPECT_FALSE(fs::exists(run()));
  EXPECT_FALSE(fs::exists(folder() / "cache"));
}

TEST_F(TrainRun, PlainOutputHasNoTerminalCodes) {
  const ProcessResult result = train();
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr("\r")));
  EXPECT_THAT(result.out, Not(HasSubstr("\033")));
  EXPECT_THAT(result.out, HasSubstr("first example"));
}

TEST_F(TrainRun, StartEventHasTheTimesOfItsPhases) {
  ASSERT_EQ(train().status, 0);
  const auto start = events("start").at(0);
  for (const char* phase :
       {"program", "plan", "tokenizer", "data", "weights", "plugins"}) {
    EXPECT_TRUE(start["phases"].contains(phase)) << phase;
  }
  EXPECT_GT(start["seconds_to_first_forward"], 0);
}

TEST_F(TrainRun, MergedAdapterAnswersAsTheAdapterDoes) {
  ASSERT_EQ(train().status, 0);
  const auto merged = run_trainer(
      {"merge", "--adapter", "run/model", "--output", "merged"}, folder());
  ASSERT_EQ(merged.status, 0) << merged.err;
  const auto tokens = [&](const std::string& model) {
    const auto result = run_trainer(
        {"generate",
         "--model",
         model,
         "--prompt",
         "What is thing 3?",
         "--template",
         "chatml",
         "--json",
         "--backend",
         "fp32",
         "--max-new-tokens",
         "24"},
        folder());
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out)["tokens"]
        .get<std::vector<int32_t>>();
  };
  const auto from_adapter = tokens("run/model");
  EXPECT_FALSE(from_adapter.empty());
  EXPECT_EQ(from_adapter, tokens("merged"));
  EXPECT_NE(from_adapter, tokens(tiny_model().string()));
}

TEST_F(TrainRun, AdapterWithoutItsBaseSaysWhereItWas) {
  ASSERT_EQ(train().status, 0);
  const fs::path config = run() / "model" / "adapter_config.json";
  auto json = nlohmann::json::parse(file_bytes(config));
  json["base_model_name_or_path"] = "gone/away";
  write("run/model/adapter_config.json", json.dump());
  const std::vector<std::string> command = {
      "generate",
      "--model",
      "run/model",
      "--prompt",
      "Hi",
      "--template",
      "chatml",
      "--max-new-tokens",
      "2"};
  const ProcessResult lost = run_trainer(command, folder());
  EXPECT_EQ(lost.status, 4);
  EXPECT_THAT(lost.err, HasSubstr("gone/away"));
  EXPECT_THAT(lost.err, HasSubstr("--base"));
  std::vector<std::string> with_base = command;
  with_base.insert(with_base.end(), {"--base", tiny_model().string()});
  EXPECT_EQ(run_trainer(with_base, folder()).status, 0);
}

TEST_F(TrainRun, AdapterOfAnUnknownTypeIsNamed) {
  ASSERT_EQ(train().status, 0);
  write(
      "run/model/adapter_config.json",
      "{\"peft_type\": \"IA3\", \"base_model_name_or_path\": \"x\"}");
  const ProcessResult result = run_trainer(
      {"merge", "--adapter", "run/model", "--output", "merged"}, folder());
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.err, HasSubstr("IA3"));
  EXPECT_FALSE(fs::exists(folder() / "merged"));
}

} // namespace
} // namespace octet
