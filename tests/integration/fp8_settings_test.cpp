// Keys, variables and options that other trainers have, or that do not go with
// the recipe or the GPU: told before anything runs.
#include "core/plugin/loaded_plugin.h"
#include "tests/integration/fp8_present.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Fp8Settings : public Fp8PresentRun {};

// In the file of another trainer both can be on; here there is one key.
TEST_F(Fp8Settings, Bf16AndFp8CannotBothBeOn) {
  write(
      "switches.toml",
      "fp8 = true\nfp8_backend = \"te\"\nbf16 = true\n" +
          file_bytes(folder() / "run.toml"));
  const ProcessResult switches =
      run_trainer({"--config", "switches.toml"}, folder());
  EXPECT_EQ(switches.status, 2);
  EXPECT_THAT(
      switches.err,
      AllOf(
          HasSubstr("unknown key fp8 (switches.toml:1); did you mean "
                    "precision.backend?"),
          HasSubstr("unknown key bf16 (switches.toml:3); did you mean "
                    "precision.backend?")));
  write(
      "twice.toml",
      file_bytes(folder() / "run.toml") +
          "[precision]\nbackend = \"te\"\nbackend = \"bf16\"\n");
  const ProcessResult twice = run_trainer({"--config", "twice.toml"}, folder());
  EXPECT_EQ(twice.status, 2);
  EXPECT_THAT(twice.err, HasSubstr("cannot redefine existing string"));
  const ProcessResult tables =
      with_fp8_present({"precision.backend=bf16", "precision.te={}"});
  expect_nothing_ran(tables);
  EXPECT_THAT(
      tables.err,
      HasSubstr("[precision.te] (--set): this backend is not selected; remove "
                "the table, or set precision.backend = \"te\" instead of "
                "\"bf16\""));
}

TEST_F(Fp8Settings, VariablesOfOtherTrainersChangeNothing) {
  const std::vector<std::string> dry_run = {
      "--config", "run.toml", "--dry-run", "--set", "precision.backend=bf16"};
  const ProcessResult plain = run_trainer(dry_run, folder());
  ASSERT_EQ(plain.status, 0) << plain.err;
  const ProcessResult with_variables = run_trainer(
      dry_run,
      folder(),
      {"ACCELERATE_MIXED_PRECISION=fp8",
       "FP8_BACKEND=te",
       "ACCELERATE_FP8_BACKEND=TE"});
  EXPECT_EQ(with_variables.out, plain.out);
}

TEST_F(Fp8Settings, OptionsOfOtherTrainersAreToldWithTheOnesThereAre) {
  const ProcessResult torchao = with_fp8_present(
      {"precision.backend=torchao",
       "precision.torchao.enable_fsdp_float8_all_gather=true"});
  expect_nothing_ran(torchao);
  EXPECT_THAT(
      torchao.err,
      HasSubstr("unknown option "
                "precision.torchao.enable_fsdp_float8_all_gather (--set) of "
                "plugin torchao; it has auto_filter_small, "));
  const ProcessResult te = with_fp8_present(
      {"precision.backend=te", "precision.te.override_linear_precision=[]"});
  expect_nothing_ran(te);
  EXPECT_THAT(
      te.err,
      HasSubstr("unknown option precision.te.override_linear_precision"));
}

TEST_F(Fp8Settings, OptionsOfAnotherRecipeStop) {
  const ProcessResult result = with_fp8_present(
      {"precision.backend=te",
       "precision.te.recipe=current",
       "precision.te.amax_compute_algo=most_recent"});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      HasSubstr("expected only options of precision.te.recipe = \"current\", "
                "found amax_compute_algo, which belong to \"delayed\"; remove "
                "them, or set recipe = \"delayed\""));
}

TEST_F(Fp8Settings, PureE5M2IsNoFormat) {
  const ProcessResult result =
      with_fp8_present({"precision.backend=te", "precision.te.format=E5M2"});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      HasSubstr("precision.te.format (--set): expected one of auto, HYBRID and "
                "E4M3, found \"E5M2\""));
}

TEST_F(Fp8Settings, ARecipeOfAnotherGpuNamesWhatItNeeds) {
  if (host_facts().cuda_capability / 10 == 10) {
    GTEST_SKIP() << "this machine's GPU has MXFP8";
  }
  const ProcessResult result =
      with_fp8_present({"precision.backend=te", "precision.te.recipe=mxfp8"});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("precision.te.recipe = \"mxfp8\" needs compute capability "
                    "10.x; this run's GPU has "),
          HasSubstr("use recipe = \"current\" or \"delayed\" there")));
}

TEST_F(Fp8Settings, QatBesideEitherBackendIsANoteOfTwoRoundings) {
  // te on its reference library, which needs no GPU.
  const std::string library = tests() / "te/libtransformer_engine.so";
  for (const auto& [name, option] :
       {std::pair<std::string, std::string>{"te", "library=" + library},
        {"torchao", "recipe=rowwise"}}) {
    const ProcessResult result = run_trainer(
        {"--config",
         "run.toml",
         "--dry-run",
         "--plugin-path",
         (tests() / "fp8_present").string(),
         "--plugin-path",
         (tests() / "seed_plugins").string(),
         "--set",
         "precision.backend=" + name,
         "--set",
         "precision." + name + "." + option,
         "--set",
         "features.seed-qat={}"},
        folder());
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(
        result.out,
        AllOf(
            HasSubstr(
                "note: features.seed-qat (qat) with precision.backend = "
                "\"" +
                name + "\" (fp8): "),
            HasSubstr("Two roundings: the fake-quantized weight is rounded "
                      "again to FP8")));
  }
}

TEST_F(Fp8Settings, ShardedFp8IsSaidNotToExist) {
  const ProcessResult result =
      with_fp8_present({"precision.backend=torchao", "features.fsdp={}"});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      HasSubstr("fsdp does not exist yet: Octet trains in one process and "
                "cannot shard yet; remove the table"));
}

} // namespace
} // namespace octet
