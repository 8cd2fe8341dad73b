// Every code of both FP8 formats, against torch.
#include "core/io/safetensors.h"
#include "core/io/stored_type.h"

#include "tests/core/io/io_testing.h"

#include <bit>
#include <cmath>
#include <limits>

namespace octet {
namespace {

using testing::fixture;
using testing::values_of;

class Fp8Codes
    : public ::testing::TestWithParam<std::pair<const char*, StoredType>> {};

TEST_P(Fp8Codes, HaveTheValuesOfTorch) {
  const auto [name, type] = GetParam();
  const auto file = open_safetensors(fixture("fp8/codes.safetensors"));
  const std::vector<float> expected = values_of<float>(*file, name);
  ASSERT_EQ(expected.size(), 256u);
  std::vector<std::byte> codes(256);
  for (size_t i = 0; i < 256; ++i) {
    codes[i] = static_cast<std::byte>(i);
  }
  std::vector<float> values(256);
  to_float(type, codes, values);
  size_t numbers = 0;
  for (size_t i = 0; i < 256; ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(values[i])) << i;
      continue;
    }
    ++numbers;
    // Bits, so that the zeros keep their signs.
    EXPECT_EQ(
        std::bit_cast<uint32_t>(values[i]),
        std::bit_cast<uint32_t>(expected[i]))
        << i << ": " << values[i] << " for " << expected[i];
  }
  EXPECT_EQ(numbers, type == StoredType::f8_e4m3 ? 254u : 250u);
}

INSTANTIATE_TEST_SUITE_P(
    BothFormats,
    Fp8Codes,
    ::testing::Values(
        std::pair("e4m3", StoredType::f8_e4m3),
        std::pair("e5m2", StoredType::f8_e5m2)),
    [](const auto& info) { return std::string(info.param.first); });

TEST(Fp8, LargestValuesAndInfinities) {
  EXPECT_EQ(e4m3_to_float(0x7e), 448.0f);
  EXPECT_EQ(e4m3_to_float(0x01), 0.001953125f);
  EXPECT_EQ(e5m2_to_float(0x7b), 57344.0f);
  EXPECT_EQ(e5m2_to_float(0xfc), -std::numeric_limits<float>::infinity());
}

} // namespace
} // namespace octet
