// config.json to ModelSpec, against what transformers reads in the same text.
#include "core/spec/model_spec.h"

#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::failure_of;
using testing::fixture;
using testing::get;
using ::testing::HasSubstr;

json cases() {
  return json::parse(get(fixture("spec/configs.json")));
}

std::optional<int64_t> optional_id(const json& id) {
  return id.is_null() ? std::nullopt : std::optional(id.get<int64_t>());
}

class HfConfig : public ::testing::TestWithParam<size_t> {
 protected:
  const json case_ = cases()[GetParam()];
  const json expected_ = case_["expected"];
  const ModelSpec spec_ = parse_hf_config(case_["config"], "config.json");
};

TEST_P(HfConfig, MeansWhatTransformersReads) {
  SCOPED_TRACE(case_["name"]);
  EXPECT_EQ(spec_.architecture, expected_["architecture"]);
  EXPECT_EQ(spec_.head_size, expected_["head_size"]);
  EXPECT_EQ(spec_.kv_heads, expected_["kv_heads"]);
  EXPECT_EQ(spec_.rms_norm_eps, expected_["rms_norm_eps"]);
  EXPECT_EQ(spec_.max_positions, expected_["max_positions"]);
  EXPECT_EQ(spec_.tied_embeddings, expected_["tied"]);
  EXPECT_EQ(json(spec_.windows), expected_["windows"]);
  EXPECT_EQ(spec_.bos_token, optional_id(expected_["bos"]));
  EXPECT_EQ(spec_.pad_token, optional_id(expected_["pad"]));
  EXPECT_EQ(json(spec_.eos_tokens), expected_["eos"]);
  EXPECT_EQ(spec_.parameter_count(), expected_["parameters"]);
}

TEST_P(HfConfig, HasTheTensorsOfTransformersModel) {
  SCOPED_TRACE(case_["name"]);
  // The fixture lists the first layer; the sum above covers the others.
  json tensors = json::object();
  for (const auto& [name, shape] : spec_.tensors()) {
    if (name.find(".layers.") == std::string::npos ||
        name.find(".layers.0.") != std::string::npos) {
      tensors[name] = shape;
    }
  }
  EXPECT_EQ(tensors, expected_["tensors"]);
}

TEST_P(HfConfig, HasTheRotaryPositionsOfTransformers) {
  SCOPED_TRACE(case_["name"]);
  const json& rope = expected_["rope"];
  const RopeScaling& scaling = spec_.rope_scaling;
  EXPECT_EQ(spec_.rope_theta, rope["rope_theta"]);
  const std::map<std::string, RopeScalingKind> kinds = {
      {"default", RopeScalingKind::none},
      {"linear", RopeScalingKind::linear},
      {"llama3", RopeScalingKind::llama3},
      {"yarn", RopeScalingKind::yarn}};
  EXPECT_EQ(scaling.kind, kinds.at(rope["rope_type"]));
  EXPECT_EQ(scaling.factor, rope.value("factor", 1.0));
  EXPECT_EQ(
      scaling.original_max_positions,
      rope.value("original_max_position_embeddings", 0));
  EXPECT_EQ(scaling.low_freq_factor, rope.value("low_freq_factor", 1.0));
  EXPECT_EQ(scaling.high_freq_factor, rope.value("high_freq_factor", 4.0));
  EXPECT_EQ(scaling.beta_fast, rope.value("beta_fast", 32.0));
  EXPECT_EQ(scaling.beta_slow, rope.value("beta_slow", 1.0));
  EXPECT_EQ(scaling.truncate, rope.value("truncate", true));
  EXPECT_EQ(scaling.mscale.value_or(-1), rope.value("mscale", -1.0));
  EXPECT_EQ(
      scaling.mscale_all_dim.value_or(-1), rope.value("mscale_all_dim", -1.0));
  EXPECT_EQ(
      scaling.attention_factor.value_or(-1),
      rope.value("attention_factor", -1.0));
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures,
    HfConfig,
    ::testing::Range(size_t{0}, size_t{18}));

TEST(HfConfigFixture, IsTestedWhole) {
  EXPECT_EQ(cases().size(), 18u);
}

/// A small Llama with changes merged in; null removes a key.
json tiny(const json& changes) {
  json config = {
      {"architectures", {"LlamaForCausalLM"}},
      {"model_type", "llama"},
      {"vocab_size", 96},
      {"hidden_size", 64},
      {"intermediate_size", 160},
      {"num_hidden_layers", 2},
      {"num_attention_heads", 4}};
  for (const auto& [key, value] : changes.items()) {
    if (value == "<absent>") {
      config.erase(key);
    } else {
      config[key] = value;
    }
  }
  return config;
}

std::string refused(const json& changes) {
  return failure_of([&] { parse_hf_config(tiny(changes), "dir/config.json"); });
}

TEST(HfConfigChecks, AcceptTheBaseOfTheseTests) {
  EXPECT_EQ(refused(json::object()), "");
}

TEST(HfConfigChecks, NameAnUnknownArchitectureAndTheKnown) {
  EXPECT_THAT(
      refused({{"architectures", {"GPT2LMHeadModel"}}, {"model_type", "gpt2"}}),
      AllOf(
          HasSubstr("architecture GPT2LMHeadModel is not known"),
          HasSubstr(
              "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM and "
              "Qwen3ForCausalLM"),
          HasSubstr("dir/config.json")));
  EXPECT_THAT(
      refused({{"architectures", "<absent>"}, {"model_type", "mamba"}}),
      HasSubstr("architecture mamba is not known"));
}

TEST(HfConfigChecks, WantAnArchitectureAtAll) {
  EXPECT_THAT(
      refused({{"architectures", "<absent>"}, {"model_type", "<absent>"}}),
      HasSubstr("\"architectures\" or \"model_type\", found neither"));
  EXPECT_THAT(
      refused({{"architectures", json::array()}}),
      HasSubstr("a list of class names, found architectures = []"));
}

TEST(HfConfigChecks, WantArchitectureAndModelTypeToAgree) {
  EXPECT_THAT(
      refused({{"model_type", "qwen2"}}),
      HasSubstr("model_type \"llama\" for LlamaForCausalLM, found \"qwen2\""));
}

TEST(HfConfigChecks, RefuseSomethingElseThanAnObject) {
  EXPECT_THAT(
      failure_of([] { parse_hf_config(json::array(), "x"); }),
      HasSubstr("a JSON object in x, found array"));
}

TEST(HfConfigChecks, TellEveryProblemAtOnce) {
  EXPECT_THAT(
      refused(
          {{"vocab_size", -5},
           {"hidden_size", "64"},
           {"intermediate_size", "<absent>"},
           {"rms_norm_eps", 0},
           {"tie_word_embeddings", "yes"},
           {"hidden_act", "gelu"},
           {"torch_dtype", "int8"}}),
      AllOf(
          HasSubstr("cannot use dir/config.json:"),
          HasSubstr("found vocab_size = -5"),
          HasSubstr("found hidden_size = \"64\""),
          HasSubstr("for intermediate_size, found no such key"),
          HasSubstr("above 0, found rms_norm_eps = 0"),
          HasSubstr("true or false, found tie_word_embeddings = \"yes\""),
          HasSubstr("hidden_act \"silu\", found hidden_act = \"gelu\""),
          HasSubstr("found torch_dtype = \"int8\"")));
}

TEST(HfConfigChecks, WantHeadsThatDivide) {
  EXPECT_THAT(
      refused({{"num_attention_heads", 3}}),
      HasSubstr("hidden_size to be a multiple of num_attention_heads"));
  EXPECT_THAT(
      refused({{"num_key_value_heads", 3}}),
      HasSubstr("num_key_value_heads, found 4 and 3"));
  EXPECT_THAT(refused({{"head_dim", 7}}), HasSubstr("an even head size"));
}

TEST(HfConfigChecks, TakeWholeNumbersWrittenAsReals) {
  EXPECT_EQ(refused({{"vocab_size", 96.0}}), "");
  EXPECT_THAT(
      refused({{"vocab_size", 96.5}}), HasSubstr("found vocab_size = 96.5"));
}

TEST(HfConfigChecks, RefuseSizesThatCannotBe) {
  for (const char* key :
       {"vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim"}) {
    for (const json& bad :
         {json(0),
          json(-1),
          json(int64_t{1} << 60),
          json(1e30),
          json("8"),
          json(true),
          json(json::array())}) {
      EXPECT_THAT(refused({{key, bad}}), HasSubstr(key)) << bad;
    }
  }
}

TEST(HfConfigChecks, NameRotaryScalingsThatAreNotSupported) {
  EXPECT_THAT(
      refused({{"rope_scaling", {{"type", "dynamic"}, {"factor", 2}}}}),
      HasSubstr("default, linear, llama3 or yarn, found \"dynamic\""));
  EXPECT_THAT(
      refused({{"rope_scaling", {{"rope_type", "linear"}}}}),
      HasSubstr("expected factor for rope_type \"linear\""));
  EXPECT_THAT(
      refused({{"rope_scaling", {{"rope_type", "llama3"}, {"factor", -8}}}}),
      AllOf(
          HasSubstr("found rope_scaling.factor = -8"),
          HasSubstr("expected low_freq_factor"),
          HasSubstr("expected high_freq_factor")));
  EXPECT_THAT(
      refused({{"rope_scaling", "linear"}}),
      HasSubstr("an object, found rope_scaling"));
  EXPECT_THAT(
      refused({{"partial_rotary_factor", 0.5}}),
      HasSubstr("partial_rotary_factor = 0.5"));
  EXPECT_THAT(
      refused({{"rope_parameters", {{"full_attention", json::object()}}}}),
      HasSubstr("differ by layer type"));
}

TEST(HfConfigChecks, NameWhatOctetDoesNotCompute) {
  EXPECT_THAT(
      refused({{"quantization_config", {{"quant_method", "gptq"}}}}),
      HasSubstr("quantized with \"gptq\""));
  EXPECT_THAT(
      refused({{"attention_dropout", 0.1}}),
      HasSubstr("found attention_dropout = 0.1; set it to 0"));
}

TEST(HfConfigChecks, WantLayerTypesThatAgreeWithTheWindow) {
  EXPECT_THAT(
      refused({{"layer_types", {"full_attention", "sliding_attention"}}}),
      HasSubstr("found layer 1 as \"sliding_attention\" with no window"));
  EXPECT_THAT(
      refused({{"layer_types", {"full_attention"}}}),
      HasSubstr("expected 2 times"));
  EXPECT_EQ(
      refused({{"layer_types", {"full_attention", "full_attention"}}}), "");
}

TEST(HfConfigChecks, KeepTheConfigForTheResult) {
  const json config = tiny({{"something_else", {1, 2}}});
  EXPECT_EQ(parse_hf_config(config, "x").hf_config, config);
}

TEST(HfConfigChecks, RefuseTokenIdsThatAreNone) {
  EXPECT_THAT(
      refused({{"eos_token_id", {1, "x"}}}), HasSubstr("expected token ids"));
  EXPECT_NE(refused({{"bos_token_id", "x"}}), "");
  EXPECT_EQ(refused({{"pad_token_id", -1}}), "");
}

TEST(ModelSites, AreNamedAndGroupedInModelOrder) {
  const ModelSpec spec = parse_hf_config(
      tiny({{"tie_word_embeddings", true}, {"num_key_value_heads", 2}}), "x");
  const std::vector<Site> sites = spec.sites();
  ASSERT_EQ(sites.size(), 1u + 2 * 7 + 1);
  EXPECT_EQ(sites.front().kind, SiteKind::embedding);
  EXPECT_EQ(sites[2].name, "model.layers.0.self_attn.k_proj");
  EXPECT_EQ(sites[2].group, "model.layers.0.self_attn.qkv");
  EXPECT_EQ(sites[2].role, "k_proj");
  EXPECT_EQ(sites[2].in_features, 64);
  EXPECT_EQ(sites[2].out_features, 32);
  EXPECT_EQ(sites[4].group, sites[4].name);
  EXPECT_EQ(sites[5].group, "model.layers.0.mlp.gate_up");
  EXPECT_EQ(sites[8].layer, 1);
  EXPECT_EQ(sites.back().name, "lm_head");
  EXPECT_EQ(sites.back().weight, "model.embed_tokens.weight");
}

} // namespace
} // namespace octet
