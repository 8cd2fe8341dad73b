// Which quantization_config is read, and why others are not.
#include "core/spec/model_spec.h"

#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::failure_of;
using ::testing::HasSubstr;

json with(const json& quantization) {
  return {
      {"model_type", "llama"},
      {"vocab_size", 8},
      {"hidden_size", 8},
      {"intermediate_size", 4},
      {"num_hidden_layers", 1},
      {"num_attention_heads", 2},
      {"quantization_config", quantization}};
}

Fp8Storage read(const json& quantization) {
  return parse_hf_config(with(quantization), "config.json").fp8.value();
}

std::string refused(const json& quantization) {
  return failure_of(
      [&] { parse_hf_config(with(quantization), "config.json"); });
}

json compressed(const json& weights, const json& more = json::object()) {
  json all = {
      {"quant_method", "compressed-tensors"},
      {"format", "float-quantized"},
      {"config_groups", {{"group_0", {{"weights", weights}}}}}};
  all.update(more);
  return all;
}

json eight_bits(const char* strategy) {
  return {{"num_bits", 8}, {"type", "float"}, {"strategy", strategy}};
}

TEST(QuantizationConfig, KnownKindsAreRead) {
  const Fp8Storage fine = read(
      {{"quant_method", "fp8"},
       {"activation_scheme", "dynamic"},
       {"weight_block_size", {128, 64}}});
  EXPECT_EQ(fine.method, "fp8");
  EXPECT_EQ(fine.block_rows, 128);
  EXPECT_EQ(fine.block_columns, 64);
  const Fp8Storage plain =
      read({{"quant_method", "fp8"}, {"weight_block_size", nullptr}});
  EXPECT_EQ(plain.block_rows, 0);
  EXPECT_EQ(read({{"quant_method", "fbgemm_fp8"}}).method, "fbgemm_fp8");
  EXPECT_EQ(
      read({{"quant_method", "modelopt"}, {"quant_algo", "FP8"}}).block_rows,
      0);
  for (const char* strategy : {"tensor", "channel"}) {
    EXPECT_EQ(read(compressed(eight_bits(strategy))).block_rows, 0);
  }
  json block = eight_bits("block");
  block["block_structure"] = {128, 128};
  EXPECT_EQ(read(compressed(block)).block_columns, 128);
}

TEST(QuantizationConfig, UnknownKindsAreRefusedWithTheKnownOnes) {
  for (const char* method : {"gptq", "awq", "bitsandbytes", "mxfp4"}) {
    EXPECT_THAT(
        refused({{"quant_method", method}}),
        AllOf(
            HasSubstr(std::string("quantized with \"") + method + "\""),
            HasSubstr("weight_block_size"),
            HasSubstr("compressed-tensors"),
            HasSubstr("fbgemm_fp8"),
            HasSubstr("the model it was made from")));
  }
  EXPECT_THAT(refused(json::object()), HasSubstr("\"unknown\""));
  EXPECT_THAT(refused("fp8"), HasSubstr("expected a table"));
  EXPECT_THAT(
      refused({{"quant_method", "modelopt"}, {"quant_algo", "NVFP4"}}),
      HasSubstr("\"NVFP4\""));
}

TEST(QuantizationConfig, CompressedTensorsMustBePlainEightBitFloats) {
  json four = eight_bits("channel");
  four["num_bits"] = 4;
  EXPECT_THAT(refused(compressed(four)), HasSubstr("4 bits"));
  json integers = eight_bits("channel");
  integers["type"] = "int";
  EXPECT_THAT(refused(compressed(integers)), HasSubstr("type \"int\""));
  EXPECT_THAT(refused(compressed(eight_bits("group"))), HasSubstr("\"group\""));
  EXPECT_THAT(
      refused(compressed(eight_bits("tensor"), {{"format", "pack-quantized"}})),
      HasSubstr("pack-quantized"));
  EXPECT_THAT(
      refused(compressed(
          eight_bits("tensor"),
          {{"sparsity_config", {{"format", "sparse-24-bitmask"}}}})),
      HasSubstr("sparse"));
  EXPECT_EQ(
      refused(compressed(
          eight_bits("tensor"), {{"sparsity_config", {{"format", "dense"}}}})),
      "");
  EXPECT_THAT(
      refused(compressed(
          eight_bits("tensor"),
          {{"transform_config",
            {{"config_groups", {{"R1", json::object()}}}}}})),
      HasSubstr("rotated"));
  EXPECT_THAT(
      refused(
          {{"quant_method", "compressed-tensors"},
           {"format", "float-quantized"}}),
      HasSubstr("config_groups"));
  json two = compressed(eight_bits("tensor"));
  json block = eight_bits("block");
  block["block_structure"] = {128, 128};
  two["config_groups"]["group_1"] = {{"weights", block}};
  EXPECT_THAT(refused(two), HasSubstr("different block sizes"));
}

TEST(QuantizationConfig, BlockSizesMustBeTwoPositiveNumbers) {
  for (const json& block :
       {json{128}, json{0, 128}, json{"a", 1}, json(128), json{-1, 2}}) {
    EXPECT_THAT(
        refused({{"quant_method", "fp8"}, {"weight_block_size", block}}),
        HasSubstr("two sizes like [128, 128]"))
        << block;
  }
}

} // namespace
} // namespace octet
