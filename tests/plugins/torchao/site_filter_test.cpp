// Which layers torchao leaves alone, why, and which settings contradict each
// other.
#include "plugins/torchao/site_filter.h"
#include "plugins/torchao/backend.h"

#include <octet/error.h>

#include <gmock/gmock.h>

#include <cstring>

namespace octet::torchao {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Site site(const std::string& name, int64_t n, int64_t k) {
  Site site;
  site.name = name;
  site.out_features = n;
  site.in_features = k;
  return site;
}

Settings settings_of(const std::string& recipe) {
  Settings settings;
  settings.recipe = make_recipe(recipe, false);
  return settings;
}

std::string reason(const Site& site) {
  return skip_reason(site, settings_of("rowwise"));
}

TEST(TorchaoSites, OrdinaryLayersAreTaken) {
  EXPECT_EQ(reason(site("model.layers.0.self_attn.o_proj", 576, 576)), "");
  EXPECT_EQ(reason(site("model.layers.0.mlp.down_proj", 16, 1536)), "");
}

TEST(TorchaoSites, HeadsAndEmbeddingsStay) {
  EXPECT_EQ(reason(site("lm_head", 49152, 576)), "name contains lm_head");
  EXPECT_EQ(
      reason(site("model.embed_projection", 64, 64)), "name contains embed");
  EXPECT_EQ(
      reason(site("Classifier.dense", 64, 64)), "name contains classifier");
  // As LLaMA-Factory: part of the name, whatever the layer does.
  EXPECT_EQ(
      reason(site("bert.layer.0.attention.output.dense", 64, 64)),
      "name contains output");
  Site embedding = site("tokens", 64, 64);
  embedding.kind = SiteKind::embedding;
  EXPECT_EQ(reason(embedding), "an embedding has no matrix product");
}

TEST(TorchaoSites, BothDimensionsMustBeMultiplesOf16WhateverThePadding) {
  EXPECT_EQ(
      reason(site("a.q_proj", 32, 24)),
      "in_features = 24 is not a multiple of 16");
  EXPECT_EQ(
      reason(site("a.q_proj", 40, 32)),
      "out_features = 40 is not a multiple of 16");
}

TEST(TorchaoSites, FilterFqnsAddToTheNames) {
  Settings settings = settings_of("rowwise");
  settings.filter_fqns = {"down_proj", "layers.3."};
  EXPECT_EQ(
      skip_reason(site("model.layers.0.mlp.down_proj", 64, 64), settings),
      "name contains down_proj of filter_fqns");
  EXPECT_EQ(
      skip_reason(site("model.layers.3.mlp.up_proj", 64, 64), settings),
      "name contains layers.3. of filter_fqns");
  EXPECT_EQ(
      skip_reason(site("model.layers.30.mlp.up_proj", 64, 64), settings), "");
  EXPECT_NE(skip_reason(site("lm_head", 64, 64), settings), "");
}

struct SizeCase {
  const char* recipe;
  int64_t n, k;
  bool taken;
};

class TorchaoSizes : public ::testing::TestWithParam<SizeCase> {};

// torchao 0.18 test_float8/test_auto_filter.py and float8_linear_utils.py:
// rowwise leaves N <= 2048, K <= 1024, and N <= 4096 with K <= 2048;
// tensorwise leaves K <= 4096 with N <= 1024.
TEST_P(TorchaoSizes, AreTorchaos) {
  const SizeCase& one = GetParam();
  Settings settings = settings_of(one.recipe);
  const Site layer = site("model.layers.0.mlp.up_proj", one.n, one.k);
  EXPECT_EQ(skip_reason(layer, settings), "");
  settings.auto_filter_small = true;
  EXPECT_EQ(skip_reason(layer, settings) == "", one.taken)
      << skip_reason(layer, settings);
}

INSTANTIATE_TEST_SUITE_P(
    Known,
    TorchaoSizes,
    ::testing::Values(
        SizeCase{"rowwise", 2048, 8192, false},
        SizeCase{"rowwise", 2064, 2064, true},
        SizeCase{"rowwise", 8192, 1024, false},
        SizeCase{"rowwise", 4096, 2048, false},
        SizeCase{"rowwise", 4112, 2048, true},
        SizeCase{"rowwise", 4112, 1040, true},
        SizeCase{"tensorwise", 1024, 4096, false},
        SizeCase{"tensorwise", 1040, 16, true},
        SizeCase{"tensorwise", 16, 4112, true}));

TEST(TorchaoSites, AcceptedSitesSayHowTheyComputeAndWhetherThatIsEmulated) {
  Settings settings = settings_of("tensorwise");
  const Site layer = site("model.layers.0.mlp.up_proj", 64, 64);
  EXPECT_EQ(
      Backend(settings).accepts(layer).reason,
      "tensorwise FP8, by at::_scaled_mm");
  settings.emulate = true;
  const SiteVerdict verdict = Backend(settings).accepts(layer);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_THAT(verdict.reason, HasSubstr("EMULATED"));
  EXPECT_FALSE(Backend(settings).accepts(site("lm_head", 64, 64)).accepted);
}

TEST(TorchaoSites, AFilterThatNamesNoLayerIsAMistake) {
  Settings settings = settings_of("rowwise");
  settings.filter_fqns = {"up_proj", "dwon_proj"};
  Backend backend(settings);
  const Site layer = site("model.layers.0.mlp.down_proj", 64, 64);
  backend.accepts(layer);
  backend.accepts(site("model.layers.0.mlp.up_proj", 64, 64));
  try {
    backend.make_gemm(layer);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(
        error.what(),
        AllOf(
            HasSubstr("filter_fqns"),
            HasSubstr("\"dwon_proj\""),
            Not(HasSubstr("\"up_proj\""))));
  }
}

/// The options of the manifest, with their defaults.
class TorchaoSettings : public ::testing::Test {
 protected:
  TorchaoSettings() {
    recipe_.string = "rowwise";
    pad_.integer = 1;
    items_ = {recipe_, emulate_, pad_, round_, filter_, small_};
  }
  Settings read() {
    items_ = {recipe_, emulate_, pad_, round_, filter_, small_};
    options_ = {
        sizeof(OctetOptions),
        static_cast<uint32_t>(items_.size()),
        items_.data()};
    return read_settings(host_, Options(&options_));
  }
  std::string problem() {
    try {
      read();
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }
  static OctetOption option(const char* key, OctetOptionType type) {
    OctetOption made{};
    made.key = key;
    made.type = type;
    return made;
  }

  OctetHost host_{};
  OctetOption recipe_ = option("recipe", OCTET_OPTION_STRING);
  OctetOption emulate_ = option("emulate", OCTET_OPTION_BOOLEAN);
  OctetOption pad_ = option("pad_inner_dim", OCTET_OPTION_BOOLEAN);
  OctetOption round_ =
      option("round_scales_to_power_of_2", OCTET_OPTION_BOOLEAN);
  OctetOption filter_ = option("filter_fqns", OCTET_OPTION_STRINGS);
  OctetOption small_ = option("auto_filter_small", OCTET_OPTION_BOOLEAN);
  std::vector<OctetOption> items_;
  OctetOptions options_{};
};

TEST_F(TorchaoSettings, EveryOptionArrives) {
  const char* const parts[] = {"up_proj"};
  recipe_.string = "tensorwise";
  emulate_.integer = round_.integer = small_.integer = 1;
  pad_.integer = 0;
  filter_.strings = parts;
  filter_.string_count = 1;
  host_.cpu_amx_bf16 = 1;
  const Settings settings = read();
  EXPECT_EQ(settings.recipe.name, "tensorwise");
  EXPECT_TRUE(settings.recipe.round_scales_to_power_of_2);
  EXPECT_TRUE(settings.emulate);
  EXPECT_FALSE(settings.pad_inner_dim);
  EXPECT_TRUE(settings.auto_filter_small);
  EXPECT_TRUE(settings.bf16_products);
  EXPECT_EQ(settings.filter_fqns, std::vector<std::string>{"up_proj"});
}

TEST_F(TorchaoSettings, RowwiseRecipesAlwaysRoundTheirScales) {
  EXPECT_TRUE(read().recipe.round_scales_to_power_of_2);
  recipe_.string = "tensorwise";
  EXPECT_FALSE(read().recipe.round_scales_to_power_of_2);
}

TEST_F(TorchaoSettings, ContradictionsAreToldTogetherWithTheirWayOut) {
  const char* const parts[] = {""};
  recipe_.string = "rowwise_with_gw_hp";
  small_.integer = 1;
  filter_.strings = parts;
  filter_.string_count = 1;
  EXPECT_THAT(
      problem(),
      AllOf(
          HasSubstr("no size limits for rowwise_with_gw_hp; remove "
                    "precision.torchao.auto_filter_small"),
          HasSubstr("filter_fqns has an empty text")));
}

TEST_F(TorchaoSettings, AnUnknownRecipeNamesTheKnownOnes) {
  recipe_.string = "blockwise";
  EXPECT_THAT(
      problem(),
      HasSubstr("expected recipe tensorwise, rowwise or rowwise_with_gw_hp, "
                "found \"blockwise\""));
}

TEST_F(TorchaoSettings, WithoutAnFp8GpuOnlyEmulationComputes) {
  EXPECT_THAT(
      missing_device(read(), host_),
      HasSubstr("precision.torchao.emulate = true"));
  host_.cuda_device_count = 1;
  host_.cuda_capability = 86;
  EXPECT_NE(missing_device(read(), host_), "");
  emulate_.integer = 1;
  EXPECT_EQ(missing_device(read(), host_), "");
  EXPECT_THAT(describe(read(), host_), HasSubstr("EMULATED: recipe rowwise"));
}

TEST_F(TorchaoSettings, EmulationOnAnFp8GpuSaysWhatItLeavesUnused) {
  host_.cuda_device_count = 1;
  host_.cuda_capability = 90;
  std::strcpy(host_.cuda_name, "NVIDIA H100");
  EXPECT_EQ(missing_device(read(), host_), "");
  EXPECT_EQ(
      describe(read(), host_),
      "FP8 by at::_scaled_mm on NVIDIA H100 (compute capability 9.0), recipe "
      "rowwise");
  emulate_.integer = 1;
  EXPECT_THAT(
      describe(read(), host_),
      AllOf(
          HasSubstr("EMULATED"),
          HasSubstr("although NVIDIA H100 (compute capability 9.0) has FP8; "
                    "remove precision.torchao.emulate")));
}

} // namespace
} // namespace octet::torchao
