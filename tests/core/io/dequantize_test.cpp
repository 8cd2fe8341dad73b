// Dequantization, bit for bit against gguf.quants on random blocks.
#include "core/io/safetensors.h"
#include "core/io/stored_type.h"

#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>

namespace octet {
namespace {

using ::testing::ElementsAre;
using testing::failure_of;
using testing::fixture;
using ::testing::HasSubstr;
using testing::values_of;

struct Case {
  const char* name;
  StoredType type;
};

class Dequantize : public ::testing::TestWithParam<Case> {};

TEST_P(Dequantize, GivesTheBitsOfTheGgufPackage) {
  const auto file = open_safetensors(fixture("io/gguf_blocks.safetensors"));
  const std::string name = GetParam().name;
  const auto blocks = values_of<std::byte>(*file, name + ".blocks");
  const auto expected = values_of<float>(*file, name + ".values");
  ASSERT_GE(expected.size(), 1000u);
  std::vector<float> values(expected.size());
  to_float(GetParam().type, blocks, values);
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(
        std::bit_cast<uint32_t>(values[i]),
        std::bit_cast<uint32_t>(expected[i]))
        << name << " element " << i << ": " << values[i] << " for "
        << expected[i];
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllTypes,
    Dequantize,
    ::testing::Values(
        Case{"Q4_0", StoredType::q4_0},
        Case{"Q4_1", StoredType::q4_1},
        Case{"Q5_0", StoredType::q5_0},
        Case{"Q5_1", StoredType::q5_1},
        Case{"Q8_0", StoredType::q8_0},
        Case{"Q4_K", StoredType::q4_k},
        Case{"Q5_K", StoredType::q5_k},
        Case{"Q6_K", StoredType::q6_k},
        Case{"F16", StoredType::f16}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(StoredTypes, ConvertHalvesThatAreNotFinite) {
  EXPECT_EQ(half_to_float(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(half_to_float(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half_to_float(0x7e00)));
}

TEST(StoredTypes, ConvertBf16AndDoubles) {
  const uint16_t bf16[] = {0x3f80, 0xc049};
  std::vector<float> out(2);
  to_float(StoredType::bf16, std::as_bytes(std::span(bf16)), out);
  EXPECT_THAT(out, ElementsAre(1.0f, -3.140625f));
  const double doubles[] = {0.1, 1e300};
  to_float(StoredType::f64, std::as_bytes(std::span(doubles)), out);
  EXPECT_EQ(out[0], 0.1f);
  EXPECT_TRUE(std::isinf(out[1]));
}

TEST(StoredTypes, RefuseIntegersAsWeights) {
  std::vector<float> out(1);
  EXPECT_THAT(
      failure_of(
          [&] { to_float(StoredType::i32, std::vector<std::byte>(4), out); }),
      HasSubstr("real numbers, found type int32"));
}

TEST(StoredTypes, RefuseBytesThatDoNotFitTheValues) {
  std::vector<float> out(32);
  EXPECT_NE(
      failure_of(
          [&] { to_float(StoredType::q4_0, std::vector<std::byte>(17), out); }),
      "");
  EXPECT_NE(
      failure_of(
          [&] { to_float(StoredType::q4_0, std::vector<std::byte>(36), out); }),
      "");
}

TEST(StoredTypes, CountBytesWithoutOverflow) {
  EXPECT_EQ(stored_bytes(StoredType::q4_k, {3, 512}), 3u * 2 * 144);
  EXPECT_EQ(stored_bytes(StoredType::f32, {}), 4u);
  EXPECT_EQ(stored_bytes(StoredType::f32, {0, 5}), 0u);
  EXPECT_EQ(stored_bytes(StoredType::q4_k, {2, 100}), std::nullopt);
  const int64_t big = int64_t{1} << 62;
  EXPECT_EQ(stored_bytes(StoredType::f32, {big}), std::nullopt);
  EXPECT_EQ(stored_bytes(StoredType::u8, {big, 4}), std::nullopt);
  EXPECT_EQ(stored_bytes(StoredType::u8, {-1}), std::nullopt);
}

} // namespace
} // namespace octet
