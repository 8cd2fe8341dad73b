// Model specs out of GGUF headers: keys, what tensors tell, what is refused.
#include "core/spec/gguf_rope.h"
#include "core/spec/model_spec.h"

#include "tests/core/io/gguf_builder.h"
#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::failure_of;
using testing::fixture;
using testing::get;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::put;
using testing::TempFolder;

/// A header with what every model has; tensors besides the embedding, the
/// first q and the biases do not matter for a spec.
GgufBuilder tiny(const std::string& name = "llama") {
  GgufBuilder builder;
  builder.string("general.architecture", name)
      .integer(name + ".embedding_length", 64)
      .integer(name + ".block_count", 2)
      .integer(name + ".feed_forward_length", 160)
      .integer(name + ".attention.head_count", 4)
      .integer(name + ".context_length", 512)
      .real(name + ".attention.layer_norm_rms_epsilon", 1e-5f)
      .tensor("token_embd.weight", {64, 96});
  return builder;
}

ModelSpec spec_of(const GgufBuilder& builder) {
  const TempFolder folder;
  put(folder / "x.gguf", builder.text());
  return read_model_spec(folder / "x.gguf");
}

std::string refused(const GgufBuilder& builder) {
  return failure_of([&] { spec_of(builder); });
}

TEST(GgufSpec, ReadsSizesAndDefaults) {
  const ModelSpec spec = spec_of(tiny());
  EXPECT_EQ(spec.architecture, "LlamaForCausalLM");
  EXPECT_EQ(spec.vocab_size, 96);
  EXPECT_EQ(spec.kv_heads, 4);
  EXPECT_EQ(spec.head_size, 16);
  EXPECT_EQ(spec.max_positions, 512);
  EXPECT_EQ(spec.rope_theta, 10000);
  EXPECT_TRUE(spec.tied_embeddings);
  EXPECT_FALSE(spec.qkv_bias);
  EXPECT_EQ(spec.stored_dtype, "bf16");
}

TEST(GgufSpec, TakesTheShortestDecimalOfAReal) {
  EXPECT_EQ(spec_of(tiny()).rms_norm_eps, 1e-5);
}

TEST(GgufSpec, ReadsOptionalKeys) {
  GgufBuilder builder = tiny();
  builder.integer("llama.attention.head_count_kv", 2)
      .integer("llama.attention.key_length", 32)
      .integer("llama.attention.value_length", 32)
      .integer("llama.rope.dimension_count", 32)
      .integer("llama.vocab_size", 100)
      .real("llama.rope.freq_base", 5e5f)
      .integer("tokenizer.ggml.bos_token_id", 1)
      .integer("tokenizer.ggml.eos_token_id", 2)
      .integer("tokenizer.ggml.padding_token_id", 3)
      .tensor("output.weight", {64, 100})
      .tensor("blk.0.ffn_down.weight", {160, 64}, 1);
  const ModelSpec spec = spec_of(builder);
  EXPECT_EQ(spec.kv_heads, 2);
  EXPECT_EQ(spec.head_size, 32);
  EXPECT_EQ(spec.vocab_size, 100);
  EXPECT_EQ(spec.rope_theta, 5e5);
  EXPECT_FALSE(spec.tied_embeddings);
  EXPECT_EQ(spec.bos_token, 1);
  EXPECT_EQ(spec.eos_tokens, std::vector<int64_t>{2});
  EXPECT_EQ(spec.pad_token, 3);
  EXPECT_EQ(spec.stored_dtype, "fp16");
}

TEST(GgufSpec, SeesBiasesByTheirTensors) {
  GgufBuilder builder = tiny();
  builder.tensor("blk.0.attn_q.bias", {64})
      .tensor("blk.0.attn_output.bias", {64})
      .tensor("blk.0.ffn_down.bias", {64});
  const ModelSpec spec = spec_of(builder);
  EXPECT_TRUE(spec.qkv_bias && spec.output_bias && spec.mlp_bias);
}

TEST(GgufSpec, RefusesBiasesThatNoClassHas) {
  EXPECT_THAT(
      refused(tiny().tensor("blk.0.attn_q.bias", {64})),
      HasSubstr("on all four attention projections or on none"));
  EXPECT_THAT(
      refused(tiny("qwen2")),
      HasSubstr("q/k/v biases in a model of Qwen2ForCausalLM, found none"));
}

TEST(GgufSpec, MakesMistralOfALlamaWithAWindow) {
  GgufBuilder builder = tiny();
  builder.integer("llama.attention.sliding_window", 77);
  const ModelSpec spec = spec_of(builder);
  EXPECT_EQ(spec.architecture, "MistralForCausalLM");
  EXPECT_EQ(spec.windows, (std::vector<int64_t>{77, 77}));
}

TEST(GgufSpec, ReadsQwen3) {
  GgufBuilder builder = tiny("qwen3");
  builder.integer("qwen3.attention.key_length", 32);
  const ModelSpec spec = spec_of(builder);
  EXPECT_TRUE(spec.qk_norm);
  EXPECT_EQ(spec.head_size, 32);
  EXPECT_EQ(spec.windows, (std::vector<int64_t>{0, 0}));
}

TEST(GgufSpec, NamesAnUnknownArchitecture) {
  EXPECT_THAT(
      refused(tiny("gemma3")),
      AllOf(
          HasSubstr("architecture \"gemma3\""),
          HasSubstr("llama, qwen2 and qwen3")));
}

TEST(GgufSpec, SaysThatAFileHasNoModel) {
  EXPECT_THAT(
      refused(GgufBuilder().integer("a", 1)), HasSubstr("holds no model"));
  EXPECT_THAT(
      refused(GgufBuilder().string("general.architecture", "llama")),
      HasSubstr("a vocabulary alone"));
}

TEST(GgufSpec, TellsEveryMissingKeyAtOnce) {
  EXPECT_THAT(
      refused(GgufBuilder()
                  .string("general.architecture", "llama")
                  .tensor("token_embd.weight", {64, 96})),
      AllOf(
          HasSubstr("llama.embedding_length"),
          HasSubstr("llama.block_count"),
          HasSubstr("llama.feed_forward_length"),
          HasSubstr("llama.attention.head_count"),
          HasSubstr("llama.attention.layer_norm_rms_epsilon")));
}

TEST(GgufSpec, RefusesWhatOctetDoesNotCompute) {
  EXPECT_THAT(
      refused(tiny().integer("llama.expert_count", 8)),
      HasSubstr("mixtures of experts"));
  EXPECT_THAT(
      refused(tiny().real("llama.logit_scale", 2)),
      HasSubstr("llama.logit_scale is not supported"));
  EXPECT_THAT(
      refused(tiny().integer("llama.rope.dimension_count", 8)),
      HasSubstr("to equal the head size 16, found 8"));
  EXPECT_THAT(refused(tiny().integer("split.count", 3)), HasSubstr("one of 3"));
  EXPECT_THAT(
      refused(tiny().string("llama.rope.scaling.type", "longrope")),
      HasSubstr("none, linear or yarn, found \"longrope\""));
}

TEST(GgufSpec, RefusesSizesThatDifferByLayer) {
  GgufBuilder builder;
  builder.raw_key("llama.attention.head_count_kv", 9).u32(4).u64(2).u32(2);
  builder.u32(4);
  GgufBuilder whole = builder;
  whole.string("general.architecture", "llama")
      .tensor("token_embd.weight", {64, 96});
  EXPECT_THAT(
      refused(whole),
      HasSubstr("one whole number for metadata key "
                "llama.attention.head_count_kv"));
}

TEST(GgufSpec, ReadsLinearAndYarnScaling) {
  GgufBuilder linear = tiny();
  linear.string("llama.rope.scaling.type", "linear")
      .real("llama.rope.scaling.factor", 2.5f);
  EXPECT_EQ(spec_of(linear).rope_scaling.kind, RopeScalingKind::linear);
  EXPECT_EQ(spec_of(linear).rope_scaling.factor, 2.5);

  GgufBuilder yarn = tiny();
  yarn.string("llama.rope.scaling.type", "yarn")
      .real("llama.rope.scaling.factor", 4)
      .real("llama.rope.scaling.yarn_attn_factor", 1.1f)
      .real("llama.rope.scaling.yarn_beta_fast", 16)
      .integer("llama.rope.scaling.original_context_length", 128);
  const RopeScaling scaling = spec_of(yarn).rope_scaling;
  EXPECT_EQ(scaling.kind, RopeScalingKind::yarn);
  EXPECT_EQ(scaling.factor, 4);
  EXPECT_EQ(scaling.attention_factor, 1.1);
  EXPECT_EQ(scaling.beta_fast, 16);
  EXPECT_EQ(scaling.beta_slow, 1);
  EXPECT_EQ(scaling.original_max_positions, 128);

  GgufBuilder old = tiny();
  old.real("llama.rope.scale_linear", 3);
  EXPECT_EQ(spec_of(old).rope_scaling.factor, 3);
}

TEST(GgufSpec, FindsLlama3ScalingInItsFactors) {
  const json cases = json::parse(get(fixture("spec/rope_factors.json")));
  for (const json& c : cases) {
    const json found = llama3_scaling_of_factors(
        c["factors"], c["rope_theta"], c["head_size"]);
    EXPECT_EQ(found["rope_type"], "llama3");
    EXPECT_NEAR(found["factor"], c["factor"].get<double>(), 1e-5);
    EXPECT_NEAR(found["low_freq_factor"], c["low"].get<double>(), 1e-9);
    EXPECT_NEAR(found["high_freq_factor"], c["high"].get<double>(), 1e-9);
    EXPECT_EQ(found["original_max_position_embeddings"], c["original"]);
  }
  EXPECT_EQ(cases.size(), 4u);
}

TEST(GgufSpec, RefusesRotaryFactorsThatAreNotLlama3s) {
  std::vector<float> factors(32, 1.0f);
  factors[3] = 5;
  factors[4] = 3;
  const auto refused_factors = [](const std::vector<float>& values) {
    return failure_of([&] { llama3_scaling_of_factors(values, 1e4, 64); });
  };
  EXPECT_THAT(refused_factors(factors), HasSubstr("rope_freqs.weight"));
  EXPECT_NE(refused_factors({}), "");
  EXPECT_NE(refused_factors(std::vector<float>(31, 8)), "");
  EXPECT_NE(refused_factors(std::vector<float>(32, 0)), "");
  EXPECT_NE(
      refused_factors(
          std::vector<float>(32, std::numeric_limits<float>::quiet_NaN())),
      "");
}

TEST(ReadModelSpec, NamesAMissingModel) {
  EXPECT_THAT(
      failure_of([] { read_model_spec("/nonexistent/model"); }),
      AllOf(HasSubstr("at /nonexistent/model"), HasSubstr("check model.path")));
}

TEST(ReadModelSpec, NamesAMissingOrBrokenConfig) {
  const TempFolder folder;
  EXPECT_THAT(
      failure_of([&] { read_model_spec(folder.path()); }),
      HasSubstr("expected config.json in"));
  put(folder / "config.json", "{\"a\": ");
  EXPECT_THAT(
      failure_of([&] { read_model_spec(folder.path()); }),
      HasSubstr("broken at byte"));
}

TEST(ReadModelSpec, SaysThatAWeightsFileIsNotAFolder) {
  const TempFolder folder;
  put(folder / "model.safetensors", "x");
  EXPECT_THAT(
      failure_of([&] { read_model_spec(folder / "model.safetensors"); }),
      HasSubstr("give the folder that it lies in"));
}

TEST(ReadModelSpec, AddsTheEosTokensOfTheGenerationConfig) {
  const TempFolder folder;
  const json cases = json::parse(get(fixture("spec/configs.json")));
  put(folder / "config.json", cases[0]["config"].dump());
  put(folder / "generation_config.json", "{\"eos_token_id\": [2, 7]}");
  EXPECT_EQ(
      read_model_spec(folder.path()).eos_tokens, (std::vector<int64_t>{2, 7}));
}

TEST(ReadModelSpec, TakesTheDtypeOfTheWeightsWhereTheConfigHasNone) {
  const TempFolder folder;
  const json cases = json::parse(get(fixture("spec/configs.json")));
  put(folder / "config.json", cases[0]["config"].dump());
  EXPECT_EQ(read_model_spec(folder.path()).stored_dtype, "fp32");
  std::filesystem::copy_file(
      fixture("io/tiny.safetensors"), folder / "model.safetensors");
  // "bf16" is its first tensor by name.
  EXPECT_EQ(read_model_spec(folder.path()).stored_dtype, "bf16");
}

} // namespace
} // namespace octet
