// The wrong turns of FP8 in other trainers, through the program: what is asked
// for runs, or nothing runs and the message says why and what to do. Two more
// are TorchaoRun's: emulation that nobody asked for, and a model of which
// every layer is filtered out; docs/troubleshooting.md lists all.
#include "core/plugin/loaded_plugin.h"
#include "tests/integration/fp8_present.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Fp8WrongTurn : public Fp8PresentRun {
 protected:
  /// The program as installed with some of its plugins only.
  ProcessResult with_plugins(
      const std::vector<std::string>& plugins,
      const std::vector<std::string>& settings) const {
    const fs::path program = trainer_program();
    const fs::path from = program.parent_path() / "../lib/octet";
    const fs::path to = folder() / "lib/octet";
    fs::create_directories(folder() / "bin");
    fs::create_directories(to / "plugins");
    fs::copy_file(program, folder() / "bin/trainer");
    for (const char* name :
         {"liboctet_base.so", "liboctet_train.so", "known_plugins.json"}) {
      fs::copy_file(from / name, to / name);
    }
    for (const std::string& name : plugins) {
      fs::copy_file(from / "plugins" / name, to / "plugins" / name);
    }
    // The program of the build looks in the build's folder first.
    std::string command = "cd " + folder().string() +
        " && LD_LIBRARY_PATH=" + to.string() +
        " bin/trainer --config run.toml --set model.path=described";
    for (const std::string& setting : settings) {
      command += " --set " + setting;
    }
    return run_shell(command);
  }
};

TEST_F(Fp8WrongTurn, TeWithoutItsPluginStopsAndSaysHowToGetIt) {
  const ProcessResult result =
      with_plugins({"bf16.so", "torchao.so"}, {"precision.backend=te"});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("precision.backend = \"te\" (--set): plugin te is not "
                    "installed here; it belongs to Octet and is built from "
                    "plugins/te"),
          HasSubstr("ninja -C build te_plugin")));
}

TEST_F(Fp8WrongTurn, TeWithoutTransformerEngineStopsWithEveryPlaceSearched) {
  const bool somewhere =
      run_shell(
          "ldconfig -p | grep -q libtransformer_engine || "
          "ls -d /usr/lib/python3*/*-packages/transformer_engine "
          "/usr/local/lib/python3*/*-packages/transformer_engine")
          .status == 0;
  if (somewhere) {
    GTEST_SKIP() << "this machine has Transformer Engine for all users";
  }
  const ProcessResult result = with_fp8_present(
      {"precision.backend=te"},
      {"HOME=" + folder().string(),
       "XDG_CACHE_HOME=" + folder().string(),
       "VIRTUAL_ENV=",
       "CONDA_PREFIX="});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("precision.backend = \"te\" (--set): not usable on this "
                    "machine: Transformer Engine is not installed: no "
                    "libtransformer_engine.so was found; install the PyPI "
                    "package transformer-engine-cu13, or give its path in "
                    "precision.te.library (searched: "),
          HasSubstr("the loader's path)\n")));
}

TEST_F(Fp8WrongTurn, TeIsNotReplacedByATorchaoThatIsThere) {
  const std::string nowhere = "precision.te.library=/nowhere/at/all";
  const ProcessResult named =
      with_fp8_present({"precision.backend=te", nowhere});
  expect_nothing_ran(named);
  EXPECT_THAT(
      named.err,
      HasSubstr("expected libtransformer_engine.so or a site-packages folder "
                "that holds it in precision.te.library, found nothing there "
                "(/nowhere/at/all); correct the path, or remove the key"));
  // It would have been usable: auto takes it, and says why not te.
  const ProcessResult automatic =
      with_fp8_present({"precision.backend=auto", nowhere});
  EXPECT_THAT(
      automatic.out,
      AllOf(
          HasSubstr("precision: torchao (auto)"),
          ContainsRegex("\n  te +60  not usable +expected libtransformer"),
          ContainsRegex("\n  torchao +50  chosen ")));
}

TEST_F(Fp8WrongTurn, AutoWithoutFp8TrainsInBf16AndSaysWhy) {
  if (host_facts().cuda_device_count > 0) {
    GTEST_SKIP() << "this machine has a GPU";
  }
  const ProcessResult result =
      train(with_settings({"precision.backend=auto", "train.max_steps=1"}));
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(
      result.out,
      AllOf(
          HasSubstr("precision: bf16 (auto)"),
          ContainsRegex("\n  te +60  not usable +needs a CUDA device"),
          ContainsRegex("\n  torchao +50  not usable +needs a CUDA device")));
  EXPECT_THAT(
      file_bytes(run() / "resolution.json"),
      HasSubstr("needs a CUDA device; this machine has none"));
}

TEST_F(Fp8WrongTurn, AutoWithoutAnyPluginStops) {
  const ProcessResult result = with_plugins({}, {"precision.backend=auto"});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      HasSubstr("precision.backend = \"auto\": no precision plugin can be "
                "chosen; none is installed"));
}

TEST_F(Fp8WrongTurn, AMisspeltBackendNamesTheNearest) {
  for (const auto& [written, meant] :
       {std::pair{"TE", "te"},
        std::pair{"torch_ao", "torchao"},
        std::pair{"TorchAO", "torchao"}}) {
    const ProcessResult result =
        with_fp8_present({"precision.backend=" + std::string(written)});
    expect_nothing_ran(result);
    EXPECT_THAT(
        result.err,
        HasSubstr(
            "there is no precision plugin " + std::string(written) +
            "; did you mean " + meant + "? Installed: "));
  }
}

TEST_F(Fp8WrongTurn, QuantizedWeightsAreRejectedBeforeAnyWeightIsRead) {
  for (const std::string backend : {"te", "torchao"}) {
    const ProcessResult result = run_trainer(
        {"--config",
         "run.toml",
         "--plugin-path",
         (tests() / "fp8_present").string(),
         "--plugin-path",
         (tests() / "seed_plugins").string(),
         "--set",
         "model.path=described",
         "--set",
         "precision.backend=" + backend,
         "--set",
         "features.seed-quantize={}",
         "--set",
         "features.lora={}"},
        folder());
    expect_nothing_ran(result);
    EXPECT_THAT(
        result.err,
        AllOf(
            HasSubstr(
                "precision.backend = \"" + backend +
                "\" (fp8): FP8 GEMMs read 16-bit weights. Remove "
                "[features.quantize], or set precision.backend = \"bf16\"."),
            Not(HasSubstr("safetensors"))));
  }
}

TEST_F(Fp8WrongTurn, TeBesideATooOldCublasNamesTheSymbolAndTheVersion) {
  const ProcessResult result = with_fp8_present(
      {"precision.backend=te",
       "precision.te.library=" +
           (tests() / "te/old_cublas/libtransformer_engine.so").string()});
  expect_nothing_ran(result);
  EXPECT_THAT(
      result.err,
      AllOf(
          HasSubstr("the symbol cublasLtGroupedMatrixLayoutInit_internal is "
                    "missing: the cuBLAS in this process is too old for it"),
          HasSubstr("install nvidia-cublas >= 13.10 beside it")));
}

} // namespace
} // namespace octet
