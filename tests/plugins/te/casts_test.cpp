// The casts that the tests train with, against NVIDIA's cuda_fp8.h, byte for
// byte. (On a GPU Transformer Engine casts itself; not compared yet.)
#include "plugins/te/quantized.h"
#include "tests/plugins/te/cuda_casts.h"
#include "tests/plugins/te/te_fixture.h"

#include <ATen/ops/empty.h>

#include <bit>

namespace octet {
namespace {

using namespace te_testing;

/// Through the library's own cast, scale 1, as the plugin calls it.
std::vector<uint8_t> cast(const at::Tensor& values, te::abi::DType format) {
  const auto library = reference();
  te::Quantized out = te::allocate(
      values, te::abi::kTensorScaling, format, /*columnwise=*/false);
  out.rowwise_scale_inv = at::empty({1}, at::kFloat);
  const te::Handle in(*library, values);
  te::Handle handle(*library, te::abi::kTensorScaling);
  te::fill(handle, out, false);
  library->call(
      "nvte_quantize_v2",
      library->functions().quantize_v2,
      in.get(),
      handle.get(),
      te::abi::QuantizationConfig(nullptr),
      te::abi::Stream(nullptr));
  const uint8_t* bytes = out.rowwise.const_data_ptr<uint8_t>();
  return {bytes, bytes + out.rowwise.numel()};
}

bool same(uint8_t a, uint8_t b, bool e5m2) {
  const auto is_nan = [&](uint8_t byte) {
    return e5m2 ? (byte & 0x7f) > 0x7c : (byte & 0x7f) == 0x7f;
  };
  return a == b || (is_nan(a) && is_nan(b));
}

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
  at::Tensor values = at::empty({256, 256}, at::kBFloat16);
  auto* bits = static_cast<uint16_t*>(values.data_ptr());
  for (uint32_t i = 0; i < 65536; ++i) {
    bits[i] = static_cast<uint16_t>(i);
  }
  std::vector<uint8_t> expected(65536);
  cuda_cast_bf16(bits, expected.size(), GetParam(), expected.data());
  const std::vector<uint8_t> found = cast(values, format());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(same(found[i], expected[i], GetParam()))
        << "bf16 bits " << i << ": " << int(found[i]) << " instead of "
        << int(expected[i]);
  }
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
  const std::vector<uint8_t> found = cast(values, format());
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(same(found[i], expected[i], GetParam()))
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
