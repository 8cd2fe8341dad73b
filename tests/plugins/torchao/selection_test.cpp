// The wrong turns of FP8 in other trainers, through the real manifest: what is
// asked for runs, or the run stops with a way out.
#include "core/resolve/selection.h"
#include "core/base/problems.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string manifest_of(const std::string& plugin) {
  std::ifstream file(
      std::string(OCTET_SOURCE_DIR) + "/plugins/" + plugin + "/plugin.toml");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string feature(const std::string& name, const std::string& more) {
  return "[plugin]\nname = \"" + name +
      "\"\nkind = \"feature\"\nversion = \"0.1.0\"\nsummary = \"for tests\"\n"
      "license = \"Apache-2.0\"\n" +
      more;
}

class TorchaoSelection : public ::testing::Test {
 protected:
  void SetUp() override {
    add(manifest_of("torchao"));
    add(manifest_of("bf16"));
    config_.precision.backend = "torchao";
    config_.precision.place = {"run.toml", 9};
  }
  void add(const std::string& toml) {
    CatalogEntry entry;
    entry.manifest = parse_manifest(toml, "test");
    entry.path = "/plugins/" + entry.manifest.name + ".so";
    catalog_.entries.push_back(entry);
  }
  void use_feature(const std::string& name, const std::string& more) {
    add(feature(name, more));
    config_.features[name].place = {"run.toml", 20};
  }
  void set(const std::string& key, decltype(OptionValue::value) value) {
    OptionTable& table = config_.precision.tables["torchao"];
    table.place = {"run.toml", 10};
    table.values[key] = {std::move(value), {"run.toml", 11}};
  }
  void use_h100() {
    host_.cuda_device_count = 1;
    host_.cuda_capability = 90;
  }
  Selection select() {
    return select_plugins(
        config_, catalog_, host_, [](const auto&, const auto&) {
          return ProbeVerdict{true, ""};
        });
  }
  std::string problem() {
    try {
      select();
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::resolution);
      return failure.what();
    }
    ADD_FAILURE() << "expected the run to stop";
    return "";
  }

  RunConfig config_;
  Catalog catalog_;
  OctetHost host_{};
};

TEST_F(TorchaoSelection, WithoutAGpuItStopsAndNamesEmulation) {
  EXPECT_EQ(
      problem(),
      "[resolve] precision.backend = \"torchao\" (run.toml:9): needs a CUDA "
      "device; this machine has none; set precision.torchao.emulate = true to "
      "try it slowly without one");
}

TEST_F(TorchaoSelection, AGpuWithoutFp8IsNamedWithItsCapability) {
  host_.cuda_device_count = 1;
  host_.cuda_capability = 86;
  EXPECT_THAT(
      problem(),
      HasSubstr(
          "needs compute capability 8.9 or >=9.0; this run's GPU has 8.6"));
}

TEST_F(TorchaoSelection, EmulationRunsOnAnyMachineButIsNeverChosenByAuto) {
  set("emulate", true);
  EXPECT_EQ(select().precision.entry->manifest.name, "torchao");
  config_.precision.backend = "auto";
  EXPECT_EQ(select().precision.entry->manifest.name, "bf16");
}

TEST_F(TorchaoSelection, AutoTakesItOnAnFp8Gpu) {
  use_h100();
  config_.precision.backend = "auto";
  EXPECT_EQ(select().precision.entry->manifest.name, "torchao");
}

TEST_F(TorchaoSelection, AMisspeltRecipeNamesTheNearest) {
  set("recipe", std::string("rowwize"));
  set("emulate", true);
  EXPECT_THAT(
      problem(),
      HasSubstr("precision.torchao.recipe (run.toml:11): expected one of "
                "tensorwise, rowwise and rowwise_with_gw_hp, found "
                "\"rowwize\"; did you mean \"rowwise\"?"));
}

TEST_F(TorchaoSelection, AnOptionThatTorchaoDroppedIsUnknown) {
  set("force_recompute_fp8_weight_in_bwd", true);
  EXPECT_THAT(
      problem(),
      HasSubstr("unknown option "
                "precision.torchao.force_recompute_fp8_weight_in_bwd"));
}

TEST_F(TorchaoSelection, AMisspeltBackendNamesTheNearest) {
  use_h100();
  config_.precision.backend = "torcha0";
  EXPECT_THAT(problem(), HasSubstr("did you mean torchao?"));
}

TEST_F(TorchaoSelection, AnotherBackendThatIsAbsentIsNotReplacedByIt) {
  use_h100();
  config_.precision.backend = "te";
  EXPECT_THAT(
      problem(),
      AllOf(
          HasSubstr("there is no precision plugin te"),
          HasSubstr("bf16 and torchao")));
}

TEST_F(TorchaoSelection, QuantizedWeightsAreRejectedWithTheWayOut) {
  use_h100();
  use_feature(
      "quantize",
      "provides = [\"quantized-weights\"]\nclaims = [\"weight\"]\n"
      "stores = [\"nf4\"]\n");
  EXPECT_THAT(
      problem(),
      AllOf(
          HasSubstr("precision.backend = \"torchao\" (fp8)"),
          HasSubstr("FP8 GEMMs read 16-bit weights. Remove "
                    "[features.quantize], or set precision.backend = "
                    "\"bf16\".")));
}

TEST_F(TorchaoSelection, QatWarns) {
  use_h100();
  use_feature("qat", "provides = [\"qat\"]\nclaims = [\"weight_transform\"]\n");
  EXPECT_THAT(
      select().notes,
      ElementsAre(HasSubstr("Two roundings: the "
                            "fake-quantized weight")));
}

TEST_F(TorchaoSelection, LoraAndKernelsAreFine) {
  use_h100();
  use_feature("lora", "provides = [\"lora\"]\nclaims = [\"adapter\"]\n");
  use_feature(
      "kernels", "provides = [\"kernels\"]\nclaims = [\"op:rms_norm\"]\n");
  EXPECT_THAT(select().notes, IsEmpty());
}

} // namespace
} // namespace octet
