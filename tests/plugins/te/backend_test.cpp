// Which machines, options and layers the plugin takes, and what it says.
#include "core/base/problems.h"
#include "core/plugin/manifest.h"
#include "core/resolve/needs.h"
#include "tests/plugins/te/te_fixture.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

namespace octet {
namespace {

using namespace te_testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Manifest manifest() {
  std::ostringstream text;
  text << std::ifstream(
              std::string(OCTET_SOURCE_DIR) + "/plugins/te/plugin.toml")
              .rdbuf();
  return parse_manifest(text.str(), "plugins/te/plugin.toml");
}

ProbeResult probe(OptionList options, uint32_t capability = 90) {
  return te::probe(machine(capability), Options(options.get()));
}

TEST(TeBackend, NeedsAGpuWithFp8) {
  const Manifest te = manifest();
  EXPECT_THAT(unmet_needs(te.needs, OctetHost{}), HasSubstr("CUDA device"));
  EXPECT_THAT(
      unmet_needs(te.needs, machine(80)),
      HasSubstr(
          "needs compute capability 8.9 or >=9.0; this run's GPU has 8.0"));
  for (const uint32_t capability : {89u, 90u, 100u, 120u}) {
    EXPECT_EQ(unmet_needs(te.needs, machine(capability)), "") << capability;
  }
}

TEST(TeBackend, RanksAboveBf16AndProvidesFp8) {
  const Manifest te = manifest();
  EXPECT_EQ(te.rank, 60);
  EXPECT_EQ(te.compute, "bf16");
  EXPECT_EQ(te.provides, (std::vector<std::string>{"fp8"}));
  // No emulation: nothing lifts the need for a GPU.
  EXPECT_EQ(te.options.count("emulate"), 0u);
}

TEST(TeBackend, ItsDefaultsAreThoseOfTheTests) {
  OptionList list;
  const OctetOptions* options = list.get();
  const Manifest te = manifest();
  ASSERT_EQ(options->count, te.options.size());
  for (uint32_t i = 0; i < options->count; ++i) {
    const OctetOption& item = options->items[i];
    const auto& spec = te.options.at(item.key).default_value;
    if (item.type == OCTET_OPTION_INTEGER) {
      EXPECT_EQ(item.integer, std::get<int64_t>(spec)) << item.key;
    } else if (std::string(item.key) != "library") {
      EXPECT_EQ(item.string, std::get<std::string>(spec)) << item.key;
    }
  }
}

TEST(TeBackend, TheProbeNamesVersionRecipeAndFile) {
  const ProbeResult result = probe({});
  EXPECT_TRUE(result.usable) << result.reason;
  EXPECT_THAT(
      result.reason,
      AllOf(
          HasSubstr("Transformer Engine 2.12 to 2.16"),
          HasSubstr("delayed scaling, HYBRID"),
          HasSubstr("tests/te/libtransformer_engine.so")));
}

TEST(TeBackend, TheProbeSaysThatAVersionCouldNotBeRead) {
  const ProbeResult result = probe(OptionList().set(
      "library",
      (library_folder() / "without_a_version/libtransformer_engine.so")
          .string()));
  EXPECT_TRUE(result.usable) << result.reason;
  EXPECT_THAT(
      result.reason,
      HasSubstr("Transformer Engine 2.17 or newer, delayed scaling, HYBRID; "
                "the version could not be read"));
}

TEST(TeBackend, AbsentOrBrokenLibrariesMakeItUnusableWithTheReason) {
  const ProbeResult absent =
      probe(OptionList().set("library", "/nowhere/at/all"));
  EXPECT_FALSE(absent.usable);
  EXPECT_THAT(absent.reason, HasSubstr("/nowhere/at/all"));
  const ProbeResult old = probe(OptionList().set(
      "library",
      (library_folder() / "old_cublas/libtransformer_engine.so").string()));
  EXPECT_FALSE(old.usable);
  EXPECT_THAT(old.reason, HasSubstr("nvidia-cublas >= 13.10"));
  // What create says is what the probe said.
  EXPECT_THAT(
      message_of([] {
        OptionList options;
        options.set("library", "/nowhere/at/all");
        te::create(machine(), Options(options.get()));
      }),
      HasSubstr(absent.reason));
}

TEST(TeBackend, RecipesNameTheGpusTheyRunOn) {
  const auto reason = [](const char* recipe, uint32_t capability) {
    const ProbeResult result =
        probe(OptionList().set("recipe", recipe), capability);
    return result.usable ? "" : result.reason;
  };
  for (const uint32_t capability : {89u, 90u, 100u, 120u}) {
    EXPECT_THAT(reason("delayed", capability), IsEmpty());
    EXPECT_THAT(reason("current", capability), IsEmpty());
  }
  EXPECT_THAT(reason("block", 90), IsEmpty());
  EXPECT_THAT(
      reason("block", 89),
      AllOf(
          HasSubstr("precision.te.recipe = \"block\" needs compute capability "
                    "9.x; this run's GPU has 8.9")));
  EXPECT_THAT(
      reason("block", 100), AllOf(HasSubstr("10.0"), HasSubstr("mxfp8")));
  EXPECT_THAT(reason("mxfp8", 100), IsEmpty());
  EXPECT_THAT(
      reason("mxfp8", 90), AllOf(HasSubstr("10.x"), HasSubstr("has 9.0")));
  EXPECT_THAT(reason("mxfp8", 120), HasSubstr("has 12.0"));
}

TEST(TeBackend, OptionsOfAnotherRecipeAreRefused) {
  const auto problem = [](OptionList options) {
    return message_of([&] {
      te::read_settings(Options(options.set("recipe", "current").get()));
    });
  };
  EXPECT_THAT(
      problem(OptionList().set("amax_history_len", 32).set("margin", 1)),
      AllOf(
          HasSubstr("amax_history_len, margin"),
          HasSubstr("\"delayed\""),
          Not(HasSubstr("algo"))));
  EXPECT_THAT(
      problem(OptionList().set("amax_compute_algo", "most_recent")),
      HasSubstr("amax_compute_algo"));
}

TEST(TeBackend, FormatsFollowTransformerEngine) {
  const auto backward = [](const char* recipe, const char* format) {
    OptionList options;
    options.set("recipe", recipe).set("format", format);
    return te::read_settings(Options(options.get())).backward;
  };
  using te::abi::kFloat8E4M3;
  using te::abi::kFloat8E5M2;
  EXPECT_EQ(backward("delayed", "auto"), kFloat8E5M2);
  EXPECT_EQ(backward("current", "auto"), kFloat8E5M2);
  EXPECT_EQ(backward("block", "auto"), kFloat8E4M3);
  EXPECT_EQ(backward("mxfp8", "auto"), kFloat8E4M3);
  EXPECT_EQ(backward("block", "HYBRID"), kFloat8E5M2);
  EXPECT_EQ(backward("delayed", "E4M3"), kFloat8E4M3);
}

TEST(TeBackend, LayersThatStayInBf16HaveTheirReasons) {
  const auto backend = make_backend();
  const auto reason = [&](const Site& layer) {
    const SiteVerdict verdict = backend->accepts(layer);
    EXPECT_FALSE(verdict.accepted) << layer.name;
    return verdict.reason;
  };
  Site embedding = site("model.embed_tokens", 64, 96);
  embedding.kind = SiteKind::embedding;
  EXPECT_THAT(reason(embedding), HasSubstr("no matrix product"));
  EXPECT_THAT(reason(site("lm_head", 64, 96)), HasSubstr("\"lm_head\""));
  EXPECT_THAT(reason(site("classifier", 64, 16)), HasSubstr("\"classifier\""));
  // Whatever the case, as torchao's filter.
  EXPECT_THAT(reason(site("LM_Head", 64, 96)), HasSubstr("\"lm_head\""));
  EXPECT_THAT(
      reason(site("model.OutputProj", 64, 96)), HasSubstr("\"output\""));
  EXPECT_THAT(reason(site("m.q_proj", 72, 64)), HasSubstr("in_features 72"));
  EXPECT_THAT(
      reason(site("m.q_proj", 64, 49)),
      AllOf(HasSubstr("out_features 49"), HasSubstr("16")));
  const SiteVerdict taken = backend->accepts(site("m.q_proj", 64, 48));
  EXPECT_TRUE(taken.accepted);
  EXPECT_THAT(taken.reason, HasSubstr("delayed"));
  const auto mxfp8 = make_backend(OptionList().set("recipe", "mxfp8"), 100);
  EXPECT_FALSE(mxfp8->accepts(site("m.q_proj", 64, 48)).accepted);
  EXPECT_TRUE(mxfp8->accepts(site("m.q_proj", 64, 96)).accepted);
}

TEST(TeBackend, ActivationsOfAnotherDtypeAreRefused) {
  const auto backend = make_backend();
  const auto gemm = backend->make_gemm(site("l.up_proj", 32, 48));
  const Weight weight(random({48, 32}, 2));
  EXPECT_THAT(
      message_of([&] {
        gemm->forward({random({16, 32}, 1)}, weight, training(), nullptr);
      }),
      AllOf(HasSubstr("bf16"), HasSubstr("Float")));
}

} // namespace
} // namespace octet
