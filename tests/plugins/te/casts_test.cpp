// The casts that the tests train with, against NVIDIA's cuda_fp8.h, byte for
// byte. On a GPU Transformer Engine casts itself: gpu_test.cpp compares that.
#include "tests/plugins/te/compare_casts.h"

#include <bit>

namespace octet {
namespace {

using namespace te_testing;

class Casts : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!has_cuda_casts()) {
      GTEST_SKIP() << "the build found no cuda_fp8.h";
    }
  }
  static te::abi::DType format() {
    return GetParam() ? te::abi::kFloat8E5M2 : te::abi::kFloat8E4M3;
  }
};

TEST_P(Casts, EveryBf16ValueEqualsCudaFp8) {
  expect_casts_of_cuda_fp8(*reference(), at::kCPU, GetParam());
}

// Half of the ten million are spread over all bit patterns, half over the
// exponents that FP8 distinguishes.
TEST_P(Casts, TenMillionFp32ValuesEqualCudaFp8) {
  constexpr size_t kCount = 10'000'000;
  at::Tensor values = at::empty({625'000, 16}, at::kFloat);
  auto* numbers = values.data_ptr<float>();
  for (uint32_t i = 0; i < kCount; ++i) {
    const uint32_t mixed = i * 2654435761u;
    const uint32_t near =
        (mixed & 0x807fffffu) | (127 - 20 + (mixed >> 23 & 0xff) % 40) << 23;
    numbers[i] = std::bit_cast<float>(i % 2 == 0 ? mixed : near);
  }
  std::vector<uint8_t> expected(kCount);
  cuda_cast(numbers, kCount, GetParam(), expected.data());
  const te::Quantized cast =
      cast_with_scale_one(*reference(), values, format(), false);
  const uint8_t* found = cast.rowwise.const_data_ptr<uint8_t>();
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(same_fp8(found[i], expected[i], GetParam()))
        << numbers[i] << ": " << int(found[i]) << " instead of "
        << int(expected[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats,
    Casts,
    ::testing::Values(false, true),
    [](const auto& info) { return info.param ? "E5M2" : "E4M3"; });

} // namespace
} // namespace octet
