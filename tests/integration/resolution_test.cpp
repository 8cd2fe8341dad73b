// Resolution through the program: combinations of FP8, QAT, kernels, quantized
// weights, LoRA and sharding; backends that need a GPU; pins; what a plugin
// left undone; and the schema of resolution.json. Plugins that are little more
// than a manifest stand in (tests/fixtures/seed).
#include "core/plugin/loaded_plugin.h"
#include "tests/integration/json_form.h"
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSeed = OCTET_BINARY_DIR "/tests/seed_plugins";
const std::string kGpu = OCTET_BINARY_DIR "/tests/gpu_plugins";

class Resolution : public TrainRun {
 protected:
  void SetUp() override {
    TrainRun::SetUp();
    // A model of which there is only the description: whoever reads a weight
    // fails, and with status 4.
    fs::create_directory(folder() / "described");
    fs::copy(
        tiny_model() / "config.json", folder() / "described" / "config.json");
    const std::string toml = file_bytes(folder() / "run.toml");
    write("bare.toml", toml.substr(0, toml.find("[precision]")));
  }

  ProcessResult run_with(
      const std::string& plugins,
      const std::string& backend,
      const std::vector<std::string>& features,
      std::vector<std::string> arguments = {"--dry-run"},
      const std::string& model = "described") const {
    std::vector<std::string> all = {
        "--config", "bare.toml", "--plugin-path", plugins};
    std::vector<std::string> settings = {"precision.backend=" + backend};
    if (!model.empty()) {
      settings.push_back("model.path=" + model);
    }
    for (const std::string& feature : features) {
      settings.push_back("features." + feature + "={}");
    }
    for (const std::string& argument : with_settings(settings)) {
      all.push_back(argument);
    }
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_trainer(all, folder());
  }
};

enum class Expected { ok, warn, reject };

struct Combination {
  std::string backend;
  std::vector<std::string> features;
  Expected expected;
};

const std::string kPlain = "seed-plain";
const std::string kFp8 = "seed-fp8";

// Quantization freezes the base, so something else is trained beside it.
const std::vector<Combination> kCombinations = {
    {kFp8, {}, Expected::ok},
    {kFp8, {"seed-qat"}, Expected::warn},
    {kFp8, {"seed-kernels"}, Expected::ok},
    {kFp8, {"seed-quantize", "lora"}, Expected::reject},
    {kFp8, {"lora"}, Expected::ok},
    {kPlain, {"seed-qat"}, Expected::ok},
    {kPlain, {"seed-qat", "seed-kernels"}, Expected::ok},
    {kPlain, {"seed-qat", "seed-quantize", "lora"}, Expected::reject},
    {kPlain, {"seed-qat", "lora"}, Expected::ok},
    {kPlain, {"seed-kernels"}, Expected::ok},
    {kPlain, {"seed-kernels", "seed-quantize", "lora"}, Expected::ok},
    {kPlain, {"seed-kernels", "lora"}, Expected::ok},
    {kPlain, {"seed-quantize", "lora"}, Expected::ok}};

TEST_F(Resolution, EveryCombinationGetsItsVerdictFromADryRun) {
  for (const Combination& row : kCombinations) {
    std::string title = row.backend;
    for (const std::string& feature : row.features) {
      title += " " + feature;
    }
    SCOPED_TRACE(title);
    const ProcessResult result = run_with(kSeed, row.backend, row.features);
    if (row.expected == Expected::reject) {
      EXPECT_EQ(result.status, 3) << result.out << result.err;
      EXPECT_THAT(result.err, HasSubstr("[resolve] "));
      EXPECT_EQ(result.out, "");
    } else {
      EXPECT_EQ(result.status, 0) << result.out << result.err;
      EXPECT_THAT(result.out, HasSubstr("dry run: nothing was trained"));
      const bool warned = result.out.find("\nnote: ") != std::string::npos;
      EXPECT_EQ(warned, row.expected == Expected::warn) << result.out;
    }
  }
}

// A rejected run asks for the same without --dry-run: no weight is read (there
// is none) and no run directory appears.
TEST_F(Resolution, TwoConflictsAreBothToldBeforeAnyWeightIsRead) {
  const ProcessResult result = run_with(
      kSeed, kFp8, {"seed-qat", "seed-quantize", "lora"}, /*arguments=*/{});
  EXPECT_EQ(result.status, 3) << result.out << result.err;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("[resolve] cannot run as asked:\n"),
          HasSubstr("features.seed-qat (qat) with features.seed-quantize "
                    "(quantized-weights): the weights are quantized already"),
          HasSubstr("precision.backend = \"seed-fp8\" (fp8) with "
                    "features.seed-quantize (quantized-weights): FP8 GEMMs "
                    "read 16-bit weights.")));
  EXPECT_FALSE(fs::exists(run()));
}

// Nothing of a plugin runs while its manifest or run.toml is enough to say no:
// this one ends the process when it is loaded.
TEST_F(Resolution, NothingIsLoadedWhileManifestsAreEnoughToSayNo) {
  const std::string zoo = OCTET_BINARY_DIR "/tests/plugins";
  const ProcessResult rejected = run_with(zoo, "fp23", {"exit-on-load"});
  EXPECT_EQ(rejected.status, 3) << rejected.out << rejected.err;
  EXPECT_THAT(
      rejected.err,
      AllOf(
          HasSubstr("there is no precision plugin fp23"),
          Not(HasSubstr("static constructors"))));
  // With a backend that is there, it is loaded and does what it does.
  EXPECT_THAT(
      run_with(zoo, "fp32", {"exit-on-load"}).err,
      AllOf(
          HasSubstr("[plugin exit-on-load ("),
          HasSubstr("its static constructors ended the program")));
}

// A file that cannot be used is told; the installed one of the same name does
// not run in its place.
TEST_F(Resolution, ABrokenFileIsNotReplacedByTheInstalledOne) {
  fs::create_directories(folder() / "mine");
  write("mine/lora.so", "not a library");
  const ProcessResult result =
      train({"--set", "train.max_steps=1", "--plugin-path", folder() / "mine"});
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr(
              "plugin lora (" + (folder() / "mine/lora.so").string() +
              ") cannot be used: "),
          HasSubstr("lora.so has the same name and is not used in its "
                    "place")));
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(Resolution, ShardingGoesWithAllAndIsSaidNotToExist) {
  for (const Combination& row :
       {Combination{kFp8, {}, Expected::ok},
        {kPlain, {"seed-qat"}, Expected::ok},
        {kPlain, {"seed-kernels"}, Expected::ok},
        {kPlain, {"seed-quantize", "lora"}, Expected::ok}}) {
    std::vector<std::string> features = row.features;
    features.push_back("fsdp");
    const ProcessResult result = run_with(kSeed, row.backend, features);
    EXPECT_EQ(result.status, 3) << result.out;
    // One problem alone: no list.
    EXPECT_EQ(
        result.err,
        "[resolve] [features.fsdp] (--set): fsdp does not exist yet: Octet "
        "trains in one process and cannot shard yet; remove the table\n");
  }
}

TEST_F(Resolution, ABackendThatNeedsAGpuEndsBeforeAnyWeightIsRead) {
  if (host_facts().cuda_device_count > 0) {
    GTEST_SKIP() << "this machine has a GPU";
  }
  const ProcessResult result = run_with(kGpu, "te", {}, /*arguments=*/{});
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_EQ(
      result.err,
      "[resolve] precision.backend = \"te\" (--set): needs a CUDA device; this "
      "machine has none; choose another backend, or \"auto\" for the best one "
      "of "
      "this machine\n");
  EXPECT_EQ(result.out, "");
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(Resolution, AutoTakesBf16WithoutAGpuAndSaysWhyTheOthersAreOut) {
  if (host_facts().cuda_device_count > 0) {
    GTEST_SKIP() << "this machine has a GPU";
  }
  const ProcessResult result = run_with(kGpu, "auto", {});
  EXPECT_EQ(result.status, 0) << result.err;
  const std::string why = "needs a CUDA device; this machine has none";
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("precision: bf16 (auto)"),
          ContainsRegex("\n  te +60  not usable  " + why),
          ContainsRegex("\n  torchao +50  not usable  " + why),
          ContainsRegex("\n  bf16 +10  chosen ")));
}

TEST_F(Resolution, DryRunShowsEverySiteInFewLines) {
  const ProcessResult result = train({"--dry-run"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(
          ContainsRegex("\n  model.layers.0-[0-9]+.self_attn.q_proj +[0-9]+ x "
                        "[0-9]+  frozen +gemm fp32; adapter lora\n"),
          ContainsRegex("\n  lm_head +[0-9]+ x [0-9]+ .*gemm fp32; not lora"),
          HasSubstr("\nparameters: "),
          HasSubstr("\nmemory estimate: about "),
          Not(HasSubstr("\033"))));
  EXPECT_FALSE(fs::exists(run()));
}

TEST_F(Resolution, AFeatureWithOnlyAHookRuns) {
  const ProcessResult result = run_with(
      kSeed, "fp32", {"seed-watcher"}, {"--set", "train.max_steps=2"}, "");
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("feature: seed-watcher (asked), called at step_end\n"),
          HasSubstr("watched step 1\n"),
          HasSubstr("watched step 2\n")));
  EXPECT_EQ(events("verified").at(0)["slots"]["seed-watcher"]["step_end"], 1);
}

TEST_F(Resolution, AHookThatIsClaimedAndNotRegisteredStopsTheRun) {
  const ProcessResult result = run_with(
      kSeed,
      "fp32",
      {},
      {"--set", "features.seed-watcher.register_hook=false"},
      "");
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_EQ(
      result.err,
      "[verify] seed-watcher did nothing of what the plan gives it: "
      "step_end\n");
}

TEST_F(Resolution, AFeatureThatConvertsNothingStopsTheRun) {
  const ProcessResult result =
      run_with(kSeed, "fp32", {"seed-kernels"}, {}, "");
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("seed-kernels did nothing of what the plan gives it: "
                    "op:rms_norm"),
          HasSubstr("op:swiglu")));
  EXPECT_TRUE(events("step").empty());
}

TEST_F(Resolution, ABackendThatConvertsNothingStopsTheRun) {
  const ProcessResult result = run_with(kSeed, kPlain, {}, {}, "");
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_THAT(
      result.err,
      HasSubstr("[verify] seed-plain accepted model.layers.0.self_attn.q_proj, "
                "but made no gemm for it"));
}

TEST_F(Resolution, APinThatDoesNotHoldStopsARunOfWhateverPlugin) {
  const std::string zeros = "sha256:" + std::string(64, '0');
  const ProcessResult result =
      train({"--dry-run", "--set", "plugins.pin={ bf16 = \"" + zeros + "\" }"});
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("[plugins] plugins.pin.bf16 (--set): plugin bf16 ("),
          HasSubstr("expects " + zeros + ", found sha256:")));
  EXPECT_EQ(result.out, "");
}

TEST_F(Resolution, APinWithTheDigestThatInspectShowsHolds) {
  const ProcessResult shown =
      run_trainer({"plugins", "inspect", "fp32", "--json"});
  const std::string digest = nlohmann::json::parse(shown.out)["digest"];
  EXPECT_EQ(digest.size(), 71u);
  const ProcessResult result = train(
      {"--set",
       "plugins.pin={ fp32 = \"" + digest + "\" }",
       "--set",
       "train.max_steps=1"});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
}

TEST_F(Resolution, APinThatIsNoDigestIsToldWithRunToml) {
  const ProcessResult result =
      train({"--dry-run", "--set", "plugins.pin={ fp32 = \"md5:1\" }"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(
      result.err,
      HasSubstr("plugins.pin.fp32 (--set): expected \"sha256:\" and 64 "
                "lower-case hex digits, found \"md5:1\""));
}

// Every key that docs/run-directory.md lists, no other, each with its type;
// what a measurement adds is PrecisionRun's.
TEST_F(Resolution, TheFileHasExactlyTheDocumentedSchema) {
  ASSERT_EQ(
      train({"--set",
             "train.max_steps=1",
             "--set",
             "precision.backend=auto",
             "--plugin-path",
             kSeed,
             "--set",
             "features.seed-watcher={}"})
          .status,
      3)
      << "seed-plain ranks first and converts nothing";
  const auto file =
      nlohmann::json::parse(file_bytes(run() / "resolution.json"));
  const Form plugin = plugin_form();
  EXPECT_EQ(file["version"], 3);
  EXPECT_EQ(
      form_of(file),
      (Form{
          {"candidates", "array"},
          {"compute_dtype", "string"},
          {"device", "object"},
          {"features", "array"},
          {"hooks", "object"},
          {"memory", "object"},
          {"notes", "array"},
          {"ops", "object"},
          {"parameters", "object"},
          {"precision", "object"},
          {"sites", "array"},
          {"version", "number"}}));
  EXPECT_EQ(
      form_of(file["device"]),
      (Form{{"asked", "string"}, {"name", "string"}, {"reason", "string"}}))
      << "on the CPU; RunDevice has the object of a GPU";
  EXPECT_EQ(form_of(file["precision"]), plugin);
  ASSERT_EQ(file["features"].size(), 2u);
  EXPECT_EQ(form_of(file["features"][0]), plugin);
  EXPECT_EQ(
      file["hooks"],
      nlohmann::json::parse(R"({"step_end": ["seed-watcher"]})"));
  for (const auto& [name, option] : file["features"][0]["options"].items()) {
    EXPECT_TRUE(option.contains("value")) << name;
    EXPECT_EQ(option.size(), 2u) << name;
    EXPECT_TRUE(option["from"].is_string()) << name;
  }
  for (const auto& row : file["candidates"]) {
    EXPECT_EQ(
        form_of(row),
        (Form{
            {"name", "string"},
            {"rank", "number"},
            {"reason", "string"},
            {"verdict", "string"}}));
  }
  EXPECT_EQ(
      form_of(file["parameters"]),
      (Form{
          {"total", "number"},
          {"trainable", "number"},
          {"trains_base", "boolean"}}));
  EXPECT_EQ(
      form_of(file["memory"]),
      (Form{
          {"activations", "number"},
          {"gradients", "number"},
          {"optimizer", "number"},
          {"program", "number"},
          {"total", "number"},
          {"weights", "number"}}));
  for (const auto& site : file["sites"]) {
    Form form = {
        {"in_features", "number"},
        {"kind", "string"},
        {"name", "string"},
        {"out_features", "number"},
        {"skipped", "object"},
        {"slots", "array"},
        {"trainable", "boolean"},
        {"weight", "string"}};
    if (site["kind"] == "linear") {
      form["calls"] = "object";
      EXPECT_EQ(
          form_of(site["calls"]),
          (Form{
              {"backward", "number"},
              {"chunk_rows", "number"},
              {"forward", "number"}}));
    }
    EXPECT_EQ(form_of(site), form) << site["name"];
    for (const auto& slot : site["slots"]) {
      EXPECT_EQ(
          form_of(slot),
          (Form{{"by", "string"}, {"reason", "string"}, {"slot", "string"}}));
    }
  }
}

} // namespace
} // namespace octet
