// Whole runs with FP8 that is emulated: they train, say of themselves that
// they are emulated, and stop where nothing would be FP8.
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

#include <fstream>
#include <map>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TorchaoRun : public TrainRun {
 protected:
  /// Replaces the fixture's fp32 and LoRA.
  void write_run(const std::string& precision, const std::string& more = "") {
    write(
        "run.toml",
        "[run]\noutput = \"run\"\nthreads = 1\n"
        "[model]\npath = \"" +
            tiny_model().string() +
            "\"\n"
            "[data]\ntrain = [{ path = \"data.jsonl\", format = \"alpaca\" "
            "}]\ntemplate = \"chatml\"\nmax_length = 128\ncache = \"cache\"\n"
            "[train]\nbatch_size = 1\ngradient_accumulation = 2\n"
            "max_steps = 6\nlearning_rate = 0.005\nschedule = \"constant\"\n"
            "[precision]\nbackend = \"torchao\"\n" +
            precision + more);
  }
  nlohmann::json resolution() const {
    std::ifstream file(run() / "resolution.json");
    return nlohmann::json::parse(file);
  }
};

constexpr const char* kEmulated = "[precision.torchao]\nemulate = true\n";

class TorchaoRecipeRun : public TorchaoRun,
                         public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(
    Recipes,
    TorchaoRecipeRun,
    ::testing::Values("tensorwise", "rowwise", "rowwise_with_gw_hp"));

TEST_P(TorchaoRecipeRun, TrainsAndSaysThatItIsEmulated) {
  const std::string recipe = GetParam();
  write_run(kEmulated + ("recipe = \"" + recipe + "\"\n"));
  const ProcessResult result = train();
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      HasSubstr(
          "precision: torchao (asked), 14 of 15 linears (" + recipe +
          " FP8, EMULATED in higher precision); 1 bf16: name contains lm_head "
          "(1)"));
  EXPECT_THAT(file_bytes(run() / "report.html"), HasSubstr("EMULATED"));
  const nlohmann::json plan = resolution();
  EXPECT_THAT(
      plan.at("candidates").at(0).at("reason").get<std::string>(),
      HasSubstr("asked for by name; EMULATED: recipe " + recipe));
  const auto first_losses = losses();
  ASSERT_EQ(first_losses.size(), 6u);
  EXPECT_LT(first_losses.back(), first_losses.front());
}

TEST_F(TorchaoRun, LossesAreNearThoseOfBf16AndNotEqual) {
  write_run(kEmulated);
  ASSERT_EQ(train().status, 0);
  const auto fp8 = losses();
  write(
      "bf16.toml",
      file_bytes(folder() / "run.toml")
          .replace(
              file_bytes(folder() / "run.toml").find("[precision]"),
              std::string::npos,
              "[precision]\nbackend = \"bf16\"\n"));
  ASSERT_EQ(
      run_trainer(
          {"--config", "bf16.toml", "--set", "run.output=bf16"}, folder())
          .status,
      0);
  const auto bf16 = losses(folder() / "bf16");
  ASSERT_EQ(bf16.size(), fp8.size());
  for (size_t i = 0; i < fp8.size(); ++i) {
    EXPECT_NE(fp8[i], bf16[i]) << "step " << i;
    EXPECT_NEAR(fp8[i] / bf16[i], 1, 0.03) << "step " << i;
  }
}

TEST_F(TorchaoRun, TrainsLoraBesideIt) {
  write_run(kEmulated, "[features.lora]\nrank = 4\n");
  const ProcessResult result = train();
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_LT(losses().back(), losses().front());
}

TEST_F(TorchaoRun, StoppedAndResumedIsTheSameRun) {
  write_run(kEmulated);
  ASSERT_EQ(train().status, 0);
  const auto whole = losses();
  ASSERT_EQ(
      train(with_settings({"run.output=half", "train.max_steps=3"})).status, 0);
  const ProcessResult result = train(
      {"--resume", "--set", "run.output=half", "--set", "train.max_steps=6"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(losses(folder() / "half"), whole);
}

TEST_F(TorchaoRun, MeasuredAutoTimesTheEmulationThatWasAskedFor) {
  write_run(kEmulated);
  const ProcessResult result = train(with_settings(
      {"precision.backend=auto",
       "precision.measure=true",
       "train.max_steps=1"}));
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("measured: torchao against bf16 on "));
  const auto table = nlohmann::json::parse(file_bytes(run() / "timings.json"));
  EXPECT_EQ(table.at("candidate").at("name"), "torchao");
  ASSERT_GE(table.at("shapes").size(), 3u);
  for (const auto& row : table.at("shapes")) {
    EXPECT_GT(row.at("candidate_ms"), 0);
  }
}

TEST_F(TorchaoRun, WatchedCastsLoseWhatThreeBitsOfMantissaLose) {
  write_run(kEmulated, "[watch]\nevery = 3\n");
  const ProcessResult result = train();
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const auto watched = events("watch");
  ASSERT_EQ(watched.size(), 3u); // steps 1, 3 and 6
  std::map<std::string, int> tensors;
  for (const auto& cast : watched.at(1).at("casts")) {
    ++tensors[cast.at("tensor")];
    EXPECT_GT(cast.at("sqnr_db"), 25) << cast;
    EXPECT_LT(cast.at("sqnr_db"), 40) << cast;
    EXPECT_EQ(cast.at("overflow"), 0) << cast;
  }
  EXPECT_EQ(tensors.size(), 3u) << ::testing::PrintToString(tensors);
  for (const auto& [tensor, count] : tensors) {
    EXPECT_EQ(count, 14) << tensor;
  }
}

TEST_F(TorchaoRun, WithoutAGpuAndEmulationNothingIsTrained) {
  write_run("");
  const ProcessResult result = train();
  EXPECT_EQ(result.status, 3) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      HasSubstr("needs a CUDA device; this machine has none; set "
                "precision.torchao.emulate = true"));
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(TorchaoRun, EveryLayerFilteredOutIsAnErrorAndNotABf16Run) {
  odd_model();
  write_run(kEmulated);
  const ProcessResult result = train(with_settings({"model.path=odd"}));
  EXPECT_EQ(result.status, 3) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      HasSubstr("precision.backend = \"torchao\" (fp8) accepts none of the "
                "model's 16 sites"));
  EXPECT_THAT(
      result.err, HasSubstr("in_features = 24 is not a multiple of 16 (12)"));
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(TorchaoRun, LayersWithAnOddSizeStayBf16AndTheOthersDoNot) {
  mixed_model();
  write_run(kEmulated);
  const ProcessResult result = train(with_settings(
      {"model.path=mixed", "train.max_steps=1", "watch.every=1"}));
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      ::testing::AllOf(
          HasSubstr("8 of 15 linears (rowwise FP8, EMULATED in higher "
                    "precision); 7 bf16: "),
          HasSubstr("out_features = 40 is not a multiple of 16 (4)"),
          HasSubstr("in_features = 40 is not a multiple of 16 (2)")));
  expect_attention_only(events("watch"));
}

TEST_F(TorchaoRun, AFilterThatNamesNoLayerStopsBeforeTheFirstStep) {
  write_run(kEmulated + std::string("filter_fqns = [\"dwon_proj\"]\n"));
  const ProcessResult result = train();
  EXPECT_NE(result.status, 0) << result.out;
  EXPECT_THAT(
      result.err,
      HasSubstr("precision.torchao.filter_fqns: expected a part of a layer's "
                "name, such as "));
  EXPECT_THAT(result.err, HasSubstr("found \"dwon_proj\", which none of the "));
  EXPECT_TRUE(events("step").empty());
}

TEST_F(TorchaoRun, ContradictingOptionsStopBeforeAnythingIsTrained) {
  write_run(
      kEmulated +
      std::string(
          "recipe = \"rowwise_with_gw_hp\"\nauto_filter_small = true\n"));
  const ProcessResult result = train();
  EXPECT_EQ(result.status, 3) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("no size limits for rowwise_with_gw_hp"));
  EXPECT_FALSE(fs::exists(run()));
}

} // namespace
} // namespace octet
