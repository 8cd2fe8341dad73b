// octet_conformance on the plugins of this repository, which it must pass, and
// on plugins that are wrong in one way each, which must fail in the check that
// is about it and in no other.
#include "tests/integration/examined.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace octet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kPlugins = OCTET_BINARY_DIR "/lib/octet/plugins/";
// The te backend's own code on a reference of its library, for the CPU.
const std::string kTe = OCTET_BINARY_DIR "/tests/te/plugins/te_reference.so";
const std::string kFaulty = OCTET_BINARY_DIR "/tests/conformance/faulty_";

struct Own {
  const char* name;
  const char* plugin;
  const char* settings = "";
};

class OwnPlugins : public ::testing::TestWithParam<Own> {};

TEST_P(OwnPlugins, PassEveryCheck) {
  const std::string plugin = GetParam().plugin;
  const Examined examined = examine(
      (plugin == "te_reference" ? kTe : kPlugins + plugin + ".so") +
      GetParam().settings);
  EXPECT_EQ(examined.status, 0);
  EXPECT_THAT(examined.failed, IsEmpty())
      << ::testing::PrintToString(examined.reasons);
  EXPECT_GE(examined.passed.size(), 15u);
}

// FP8 has 3 bits of mantissa (gradients of a tensorwise recipe 2): what the
// recipes lose of normally distributed operands stays below 8%.
INSTANTIATE_TEST_SUITE_P(
    Conformance,
    OwnPlugins,
    ::testing::Values(
        Own{"fp32", "fp32"},
        Own{"bf16", "bf16"},
        Own{"lora", "lora"},
        Own{"torchao_tensorwise",
            "torchao",
            " --set emulate=true --set recipe=tensorwise --tolerance 0.08"},
        Own{"torchao_rowwise",
            "torchao",
            " --set emulate=true --set recipe=rowwise --tolerance 0.08"},
        Own{"torchao_rowwise_with_gw_hp",
            "torchao",
            " --set emulate=true --set recipe=rowwise_with_gw_hp "
            "--tolerance 0.08"},
        Own{"te_delayed",
            "te_reference",
            " --set recipe=delayed --tolerance 0.08"},
        Own{"te_current",
            "te_reference",
            " --set recipe=current --tolerance 0.08"},
        Own{"te_block", "te_reference", " --set recipe=block --tolerance 0.08"},
        Own{"te_mxfp8",
            "te_reference",
            " --set recipe=mxfp8 --tolerance 0.08"}),
    [](const ::testing::TestParamInfo<Own>& own) {
      return std::string(own.param.name);
    });

struct Fault {
  const char* kind;
  const char* name;
  const char* check;
  /// Part of the reason.
  const char* reason;
  const char* more = "";
};

class FaultyPlugins : public ::testing::TestWithParam<Fault> {};

TEST_P(FaultyPlugins, FailInTheCheckThatIsAboutTheFault) {
  const Fault& fault = GetParam();
  const Examined examined = examine(
      kFaulty + fault.kind + ".so --set fault=" + fault.name + fault.more);
  EXPECT_EQ(examined.status, 1);
  EXPECT_THAT(examined.failed, ElementsAre(fault.check))
      << ::testing::PrintToString(examined.reasons);
  EXPECT_THAT(examined.reasons.at(fault.check), HasSubstr(fault.reason));
}

INSTANTIATE_TEST_SUITE_P(
    Conformance,
    FaultyPlugins,
    ::testing::Values(
        Fault{"precision", "gradient_factor", "backward", "1.00e-01"},
        Fault{"precision", "weight_gradient", "backward", "grad_w of 1 rows"},
        Fault{"precision", "throws_in_backward", "backward", "found one"},
        Fault{"precision", "changes_input", "forward", "changed its input"},
        Fault{"precision", "unwanted_gradient", "wants", "found one"},
        Fault{"precision", "overwrites", "accumulates", "grad_w"},
        Fault{"precision", "keeps_x", "saved", ""},
        Fault{"precision", "stale_weight", "weights", "after an update"},
        Fault{"precision", "recompute_counts", "recompute", "other values"},
        Fault{"precision", "recompute_saves", "recompute", "another grad_w"},
        Fault{
            "precision",
            "evaluation_counts",
            "evaluation",
            "changed the state"},
        Fault{"precision", "state_lost", "state", "after load"},
        Fault{"precision", "no_state", "state", "after save and load"},
        Fault{"precision", "probe_alternates", "probe", "and then not usable"},
        Fault{"precision", "unguarded", "exceptions", "nobody catches this"},
        Fault{"precision", "crashes", "create", "signal 11"},
        Fault{"precision", "hangs", "probe", "within 6 s", " --timeout 6"},
        Fault{
            "precision",
            "hangs_at_exit",
            "process",
            "did not end within 30 s after"},
        Fault{"precision", "sets_environment", "process", "FAULTY_PLUGIN"},
        Fault{"precision", "writes_file", "files", "wrote work/leftover.txt"},
        Fault{"precision", "changes_file", "files", "changed home/.profile"},
        Fault{"precision", "removes_file", "files", "removed home/.profile"},
        Fault{
            "precision",
            "refuses_choice",
            "options",
            "the manifest allows choice = \"second\", but the plugin refuses "
            "it: create failed: "},
        Fault{
            "precision",
            "refuses_in_probe",
            "options",
            "the plugin refuses it: probe failed: "},
        Fault{
            "precision",
            "evaluation_factor",
            "gradients",
            "differences of forward"},
        Fault{
            "precision",
            "rounds_shared_input",
            "shared input",
            "k_proj gives other values where its input was used by "},
        Fault{
            "precision",
            "impossible_statistics",
            "statistics",
            "are not possible"},
        Fault{"feature", "verdict_changes", "accepts", "differ"},
        Fault{"feature", "leaves_a_site_out", "apply", "did not fill"},
        Fault{"feature", "more_parameters", "apply", "announces"},
        Fault{"feature", "throws_in_apply", "apply", "found one"},
        Fault{"feature", "delta", "adapters", "delta()"},
        Fault{"feature", "bias_correction", "ops", "adamw, update 2"},
        Fault{"feature", "import_loses", "export", "after import loses"},
        Fault{
            "transform",
            "weight_gradient",
            "transforms",
            "gradient of the weight of "},
        Fault{
            "transform",
            "input_gradient",
            "transforms",
            "gradient of the input of "},
        Fault{"op", "value", "ops", "logits: relative error"},
        Fault{"op", "gradient", "ops", "gradient of model."},
        Fault{"feature", "state_lost", "state", "after load"},
        Fault{"feature", "evaluation_counts", "evaluation", "state calls"}),
    [](const ::testing::TestParamInfo<Fault>& fault) {
      return std::string(fault.param.kind) + "_" + fault.param.name;
    });

// These show in more than one check: in the adapter alone and in the decoder.
TEST(Conformance, WrongAdapterGradientsAreFoundInPartsAndInTheWhole) {
  for (const char* fault : {"gradient", "no_gradient"}) {
    const Examined examined =
        examine(kFaulty + "feature.so --set fault=" + fault);
    EXPECT_EQ(examined.status, 1);
    EXPECT_THAT(examined.failed, ::testing::Contains("adapters")) << fault;
    EXPECT_THAT(examined.failed, ::testing::Contains("trains")) << fault;
  }
  EXPECT_THAT(
      examine(kFaulty + "feature.so --set fault=recompute_draws").failed,
      ::testing::Contains("recompute"));
}

TEST(Conformance, FaultyPluginsPassWithoutAFault) {
  for (const char* kind : {"precision", "feature", "transform", "op"}) {
    const Examined examined = examine(kFaulty + kind + ".so");
    EXPECT_EQ(examined.status, 0);
    EXPECT_THAT(examined.failed, IsEmpty())
        << ::testing::PrintToString(examined.reasons);
  }
}

TEST(Conformance, APluginThatCannotBeUsedHereIsNoFailure) {
  const Examined examined =
      examine(kFaulty + "precision.so --set fault=unusable");
  EXPECT_EQ(examined.status, 3);
  EXPECT_THAT(
      examined.passed,
      ElementsAre("inspect", "load", "probe", "process", "files"));
}

// Options of another recipe are refused as te itself refuses them: by the
// probe, with a reason, and not by an error.
TEST(Conformance, OptionsThatContradictEachOtherAreNotUsable) {
  const std::string wrong =
      " --set recipe=current --set amax_compute_algo=most_recent";
  const Examined examined = examine(kTe + wrong);
  EXPECT_EQ(examined.status, 3);
  EXPECT_THAT(
      examined.reasons.at("probe"),
      ::testing::StartsWith(
          "expected only options of precision.te.recipe = \"current\", found "
          "amax_compute_algo"));
}

TEST(Conformance, AFileThatIsNoPluginFailsTheFirstCheck) {
  const Examined examined =
      examine(OCTET_BINARY_DIR "/tests/plugins/no_sections.so");
  EXPECT_EQ(examined.status, 1);
  EXPECT_THAT(examined.failed, ElementsAre("inspect"));
}

TEST(Conformance, AFileWithoutADescriptorFailsToLoad) {
  for (const char* file : {"no_descriptor", "wrong_magic", "throw_on_load"}) {
    const Examined examined =
        examine(OCTET_BINARY_DIR "/tests/plugins/" + std::string(file) + ".so");
    EXPECT_EQ(examined.status, 1);
    EXPECT_THAT(examined.failed, ElementsAre("load")) << file;
  }
}

TEST(Conformance, AChangeOfAFileBesideThePluginIsSeen) {
  TemporaryFolder folder;
  const std::filesystem::path plugin = folder.path() / "plugin.so";
  const std::filesystem::path beside = folder.path() / "beside.txt";
  std::filesystem::copy_file(kFaulty + "precision.so", plugin);
  folder.write("beside.txt", "beside"); // as long as what comes
  const Examined examined =
      examine(plugin.string() + " --set fault=changes_beside");
  EXPECT_THAT(examined.failed, ElementsAre("files"));
  EXPECT_EQ(examined.reasons.at("files"), "it changed " + beside.string());
}

// What the host stops and what the plugin takes are two things.
TEST(Conformance, TheOptionsCheckSaysWhatItShows) {
  const std::string reason = examine(kFaulty + "op.so").reasons.at("options");
  EXPECT_EQ(reason, "declared values taken: 4; stopped by the host: 3");
}

TEST(Conformance, TransformsAndOpsOfTheModelAreExamined) {
  EXPECT_EQ(
      examine(kFaulty + "transform.so").reasons.at("transforms"),
      "4 of weights, 4 of inputs");
  EXPECT_THAT(
      examine(kFaulty + "op.so").reasons.at("ops"),
      HasSubstr("relative error of the logits "));
}

TEST(Conformance, TheTableNamesTheFailedCheckAndWhy) {
  const ProcessResult result =
      run_conformance(kFaulty + "precision.so --set fault=overwrites");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(
      result.out,
      HasSubstr("\n  accumulates   failed   grad_w of 16 rows at "));
  EXPECT_THAT(result.out, HasSubstr("\n  forward       passed"));
}

TEST(Conformance, ListNamesEveryCheckThatAFileGetsARowFor) {
  const std::string list = run_conformance("--list").out;
  // Which places are watched is said, and no more is promised.
  EXPECT_THAT(
      list, HasSubstr("HOME, TMPDIR, current and own folder stay the same\n"));
  for (const char* kind : {"precision", "feature"}) {
    const std::vector<std::string> passed =
        examine(kFaulty + std::string(kind) + ".so").passed;
    EXPECT_GE(passed.size(), 15u) << kind;
    for (const std::string& check : passed) {
      EXPECT_THAT(list, HasSubstr(check + " "));
    }
  }
}

TEST(Conformance, WrongCommandLinesEndWithTwo) {
  for (const char* arguments :
       {"",
        "--no-such-option x",
        "/no/such/file.so",
        "--set fault x.so",
        "--tolerance 2 x.so"}) {
    const ProcessResult result = run_conformance(arguments);
    EXPECT_EQ(result.status, 2) << arguments;
    EXPECT_THAT(result.err, HasSubstr("[conformance] ")) << arguments;
  }
  const Examined unknown = examine(kFaulty + "precision.so --set flaut=none");
  EXPECT_THAT(unknown.failed, ElementsAre("inspect"));
  EXPECT_THAT(
      unknown.reasons.at("inspect"),
      HasSubstr("precision.faulty-precision.flaut"));
  EXPECT_THAT(
      unknown.reasons.at("inspect"), HasSubstr("it has choice and fault"));
}

} // namespace
} // namespace octet
