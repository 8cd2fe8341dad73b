// Whole runs with two backends and with watched casts, by a fixture plugin that
// outranks all others. What wins is injected: which of two plain backends is
// faster is nobody's to know.
#include "tests/integration/json_form.h"
#include "tests/integration/train_fixture.h"

#include "core/io/safetensors.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace octet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PrecisionRun : public TrainRun {
 protected:
  ProcessResult run_with(
      const std::vector<std::string>& settings,
      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {
        "--plugin-path",
        (fs::path(OCTET_BINARY_DIR) / "tests/eight_plugin").string(),
        "--set",
        "train.max_steps=4"};
    const auto set = with_settings(settings);
    arguments.insert(arguments.end(), set.begin(), set.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return train(arguments);
  }
  json resolution() const {
    return json::parse(file_bytes(run() / "resolution.json"));
  }
  /// How many sites' gemm each of "eight", "bf16" and "core" computes.
  std::map<std::string, int> computed() const {
    std::map<std::string, int> count;
    const json plan = resolution();
    for (const json& site : plan["sites"]) {
      for (const json& slot : site["slots"]) {
        if (slot["slot"] == "gemm") {
          ++count[slot["by"]];
        }
      }
    }
    return count;
  }
  /// Measures, then writes t.json with other times: `wins` by N and K.
  void inject(const std::function<bool(const json&)>& wins) const {
    const ProcessResult result = run_with(kMeasure);
    ASSERT_EQ(result.status, 0) << result.out << result.err;
    json table = json::parse(file_bytes(run() / "timings.json"));
    for (json& row : table["shapes"]) {
      row["candidate_ms"] = wins(row) ? 1.0 : 2.0;
      row["reference_ms"] = 1.5;
    }
    write("t.json", table.dump());
    fs::remove_all(run());
  }
  static std::vector<std::string> with_table(
      std::vector<std::string> more = {}) {
    more.insert(
        more.end(),
        {"precision.backend=auto",
         "precision.measure=true",
         "precision.timings=t.json"});
    return more;
  }
  const std::vector<std::string> kMeasure = {
      "precision.backend=auto",
      "precision.measure=true"};
};

TEST_F(PrecisionRun, MeasuringRunsAndLeavesItsTable) {
  const ProcessResult result = run_with(kMeasure);
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("measuring eight against bf16"),
          HasSubstr("measured: eight against bf16 on "),
          HasSubstr("margin 1.05x"),
          HasSubstr("ratio")));
  const json table = json::parse(file_bytes(run() / "timings.json"));
  EXPECT_EQ(table["candidate"]["name"], "eight");
  EXPECT_EQ(table["reference"]["name"], "bf16");
  EXPECT_EQ(table["threads"], 1);
  EXPECT_EQ(table["microbatches"], 3);
  EXPECT_NE(table["device"], "");
  std::set<std::pair<int, int>> shapes;
  for (const json& row : table["shapes"]) {
    EXPECT_EQ(row["m"], 128);
    EXPECT_EQ(row["trained"], false);
    EXPECT_GT(row["candidate_ms"], 0);
    EXPECT_GT(row["reference_ms"], 0);
    EXPECT_TRUE(
        shapes.emplace(row["n"].get<int>(), row["k"].get<int>()).second);
  }
  const json measured = resolution()["measured"];
  EXPECT_EQ(measured["margin"], 1.05);
  ASSERT_EQ(measured["shapes"].size(), table["shapes"].size());
  int sites = 0;
  for (const json& row : measured["shapes"]) {
    sites += row["sites"].get<int>();
    const double ratio = row["ratio"];
    EXPECT_EQ(row["wins"], ratio >= 1.05);
  }
  // Whatever won: every layer of a block is one of the measured ones, the head
  // is the reference's.
  std::map<std::string, int> count = computed();
  EXPECT_EQ(sites, count["eight"] + count["bf16"] - 1);
  EXPECT_GE(count["bf16"], 1);
  EXPECT_EQ(count["core"], 0);
}

TEST_F(PrecisionRun, InjectedTimesSplitTheSitesAndBothStatesAreKept) {
  inject([](const json& row) { return row["k"] > row["n"]; });
  ASSERT_EQ(run_with(with_table({"train.max_steps=2"})).status, 0);
  const json first = resolution();
  EXPECT_EQ(first["precision"]["name"], "eight");
  EXPECT_EQ(first["reference"]["name"], "bf16");
  std::map<std::string, int> count = computed();
  EXPECT_GE(count["eight"], 1);
  EXPECT_GE(count["bf16"], 2);
  for (const json& site : first["sites"]) {
    const std::string name = site["name"];
    const bool down = name.find("down_proj") != std::string::npos;
    if (name.find("mlp.") != std::string::npos) {
      EXPECT_EQ(site["slots"][0]["by"], down ? "eight" : "bf16") << name;
      EXPECT_THAT(
          site["slots"][0]["reason"].get<std::string>(),
          HasSubstr(down ? "1.50x of bf16" : "0.75x of bf16"));
    }
  }
  EXPECT_EQ(form_of(first["reference"]), plugin_form());
  EXPECT_EQ(
      form_of(first["measured"]),
      (Form{
          {"candidate", "string"},
          {"device", "string"},
          {"margin", "number"},
          {"reference", "string"},
          {"shapes", "array"},
          {"source", "string"}}));
  for (const json& row : first["measured"]["shapes"]) {
    EXPECT_EQ(
        form_of(row),
        (Form{
            {"candidate_ms", "number"},
            {"k", "number"},
            {"m", "number"},
            {"n", "number"},
            {"ratio", "number"},
            {"reason", "string"},
            {"reference_ms", "number"},
            {"sites", "number"},
            {"trained", "boolean"},
            {"wins", "boolean"}}));
  }
  // Resumed from its own table, not from one that has changed since.
  write("t.json", "{}");
  const ProcessResult resumed = run_with(with_table(), {"--resume"});
  ASSERT_EQ(resumed.status, 0) << resumed.out << resumed.err;
  EXPECT_EQ(resolution()["sites"], first["sites"]);
  const auto state =
      open_safetensors(run() / "checkpoint-4" / "plugin_state.safetensors");
  EXPECT_EQ(state->tensors().size(), static_cast<size_t>(count["eight"]));
  for (const auto& [name, info] : state->tensors()) {
    EXPECT_THAT(name, HasSubstr("backend/eight/model.layers."));
    int64_t forwards = 0;
    state->read(name, std::as_writable_bytes(std::span(&forwards, 1)));
    // Three microbatches in each of four steps, two of them before the stop.
    EXPECT_EQ(forwards, 12) << name;
  }
}

TEST_F(PrecisionRun, LosingEverywhereIsABf16RunThatSaysWhy) {
  inject([](const json&) { return false; });
  const ProcessResult result = run_with(with_table());
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("precision: bf16 (auto)"),
          HasSubstr("wins at no shape, at best 0.75x of bf16")));
  EXPECT_EQ(computed().count("eight"), 0u);
  EXPECT_FALSE(resolution().contains("reference"));
  EXPECT_EQ(resolution()["precision"]["name"], "bf16");
  EXPECT_THAT(file_bytes(run() / "report.html"), HasSubstr("wins at no shape"));
}

TEST_F(PrecisionRun, TableOfAnotherModelIsRefused) {
  inject([](const json&) { return true; });
  const ProcessResult other = run_with(with_table({"data.max_length=64"}));
  EXPECT_EQ(other.status, 3) << other.out;
  EXPECT_THAT(other.err, HasSubstr("it lacks [64, "));
  json table = json::parse(file_bytes(folder() / "t.json"));
  table["device"] = "Another CPU";
  write("t.json", table.dump());
  const ProcessResult moved = run_with(with_table());
  EXPECT_EQ(moved.status, 0) << moved.err;
  EXPECT_THAT(
      moved.out, HasSubstr("it was measured on Another CPU, this run has"));
}

TEST_F(PrecisionRun, NamedBackendIsNeverMeasured) {
  const ProcessResult result =
      run_with({"precision.backend=eight", "precision.measure=true"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("never gives way to another"));
}

TEST_F(PrecisionRun, WatchedCastsReachEventsTensorBoardAndReport) {
  const ProcessResult result = run_with(
      {"precision.backend=eight",
       "watch.every=2",
       "watch.sites=[\"*.down_proj\", \"*.up_proj\"]",
       "precision.eight.overflow=0.25"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const auto watched = events("watch");
  ASSERT_EQ(watched.size(), 3u);
  EXPECT_EQ(watched[0]["step"], 1);
  EXPECT_EQ(watched[2]["step"], 4);
  std::set<std::string> sites;
  for (const json& cast : watched[1]["casts"]) {
    sites.insert(cast["site"]);
    if (cast["tensor"] == "input") {
      EXPECT_EQ(cast["overflow"], 0.25);
      EXPECT_EQ(cast["sqnr_db"], 31.25);
    }
  }
  EXPECT_EQ(sites.count("model.layers.0.mlp.down_proj"), 1u);
  for (const std::string& site : sites) {
    EXPECT_THAT(site, HasSubstr("mlp."));
  }
  EXPECT_THAT(
      result.out,
      HasSubstr("model.layers.0.mlp.down_proj (input): overflow of 25% at step "
                "1 is past watch.overflow_limit"));
  const std::string page = file_bytes(run() / "report.html");
  EXPECT_THAT(page, HasSubstr("Low-precision casts"));
  EXPECT_THAT(page, HasSubstr("<td>model.layers.0.mlp.up_proj</td>"));
  EXPECT_THAT(page, HasSubstr("passed their limits again"));
  std::string board;
  for (const auto& file : fs::directory_iterator(run() / "tensorboard")) {
    board += file_bytes(file.path());
  }
  EXPECT_THAT(
      board, HasSubstr("watch/model.layers.0.mlp.up_proj/input/sqnr_db"));
}

TEST_F(PrecisionRun, WatchingWhatCastsNothingStopsTheRun) {
  const ProcessResult early =
      run_with({"precision.backend=bf16", "watch.every=5"});
  EXPECT_EQ(early.status, 3);
  EXPECT_THAT(early.err, HasSubstr("computed by bf16, which casts nothing"));
  EXPECT_FALSE(fs::exists(run()));
  const ProcessResult late = run_with(
      {"precision.backend=eight",
       "watch.every=5",
       "precision.eight.casts=false"});
  EXPECT_EQ(late.status, 3);
  EXPECT_THAT(late.err, HasSubstr("at step 1, but eight cast nothing"));
}

TEST_F(PrecisionRun, Fp8CheckpointTrainsDequantizedWithAMessage) {
  const fs::path model = folder() / "model";
  fs::copy(tiny_model(), model);
  fs::permissions(model, fs::perms::owner_all, fs::perm_options::replace);
  // The tiny model's weights as they are, but one layer's as FP8 zeros.
  const auto source = open_safetensors(tiny_model() / kSafetensorsFile);
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  std::vector<TensorInfo> infos;
  for (const auto& [key, info] : source->tensors()) {
    infos.push_back(info);
    if (key == name) {
      infos.back().type = StoredType::f8_e4m3;
    }
  }
  infos.push_back({name + "_scale", StoredType::f32, {1}, 0});
  fs::remove(model / kSafetensorsFile);
  SafetensorsWriter writer(model / kSafetensorsFile, infos, {});
  for (const auto& [key, info] : source->tensors()) {
    std::vector<std::byte> bytes(key == name ? info.bytes / 4 : info.bytes);
    if (key != name) {
      source->read(key, bytes);
    }
    writer.write(key, bytes);
  }
  const float scale = 0.5;
  writer.write(name + "_scale", std::as_bytes(std::span(&scale, 1)));
  writer.commit();
  json config = json::parse(file_bytes(tiny_model() / "config.json"));
  config["quantization_config"] = {{"quant_method", "fp8"}};
  fs::remove(model / "config.json");
  write("model/config.json", config.dump());
  const ProcessResult result =
      run_with({"model.path=model", "precision.backend=fp32"});
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      HasSubstr("weights: 1 tensor dequantized: 1 from fp8_e4m3 with a scale "
                "for each tensor"));
  EXPECT_EQ(
      events("start").at(0)["weights"],
      "1 tensor dequantized: 1 from fp8_e4m3 with a scale for each tensor");
}

} // namespace
} // namespace octet
