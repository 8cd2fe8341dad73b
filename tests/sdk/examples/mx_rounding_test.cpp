// Rounding of the mx example against all values that each format has, listed
// from the bits of their codes (OCP MX v1.0, section 5.3), and against
// LibTorch's own casts to fp8.
#include "sdk/examples/mx/rounding.h"

#include <octet/error.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace octet::mx {
namespace {

/// A format as the specification draws it.
struct Code {
  const char* name;
  int exponent_bits, mantissa_bits, bias;
  /// Codes at the top that are no numbers: NaN of E4M3, Inf and NaN of E5M2.
  int not_numbers;
};

const std::vector<Code> kCodes = {
    {"fp8_e4m3", 4, 3, 7, 1},
    {"fp8_e5m2", 5, 2, 15, 4},
    {"fp6_e2m3", 2, 3, 1, 0},
    {"fp6_e3m2", 3, 2, 3, 0},
    {"fp4_e2m1", 2, 1, 1, 0}};

/// All values >= 0 in order; the index is the code, so its lowest bit tells
/// which of two neighbours is even.
std::vector<double> values_of(const Code& code) {
  const int count =
      (1 << (code.exponent_bits + code.mantissa_bits)) - code.not_numbers;
  std::vector<double> values;
  for (int bits = 0; bits < count; ++bits) {
    const int exponent = bits >> code.mantissa_bits;
    const int mantissa = bits & ((1 << code.mantissa_bits) - 1);
    const double fraction = std::ldexp(mantissa, -code.mantissa_bits);
    values.push_back(
        exponent == 0 ? std::ldexp(fraction, 1 - code.bias)
                      : std::ldexp(1 + fraction, exponent - code.bias));
  }
  return values;
}

/// By looking at all values.
double nearest(const std::vector<double>& values, double x) {
  size_t best = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    const double now = std::abs(values[i] - x);
    const double before = std::abs(values[best] - x);
    if (now < before || (now == before && i % 2 == 0)) {
      best = i;
    }
  }
  return values[best];
}

class MxFormat : public testing::TestWithParam<Code> {};

TEST_P(MxFormat, LargestValueIsTheLastCode) {
  EXPECT_EQ(
      element_format(GetParam().name).largest_value,
      values_of(GetParam()).back());
}

TEST_P(MxFormat, RoundsToTheNearestOfAllValuesTiesToEven) {
  const ElementFormat format = element_format(GetParam().name);
  const std::vector<double> values = values_of(GetParam());
  std::vector<float> inputs;
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    const auto here = static_cast<float>(values[i]);
    const auto middle = static_cast<float>((values[i] + values[i + 1]) / 2);
    inputs.insert(
        inputs.end(),
        {here,
         middle,
         std::nextafter(middle, 0.0F),
         std::nextafter(middle, std::numeric_limits<float>::infinity())});
  }
  for (const float x : inputs) {
    EXPECT_EQ(round_element(x, format), nearest(values, x)) << x;
    EXPECT_EQ(round_element(-x, format), -nearest(values, x)) << -x;
  }
}

TEST_P(MxFormat, TooLargeValuesBecomeTheLargest) {
  const ElementFormat format = element_format(GetParam().name);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float x : {format.largest_value * 1.01F, 1e30F, kInfinity}) {
    EXPECT_EQ(round_element(x, format), format.largest_value);
    EXPECT_EQ(round_element(-x, format), -format.largest_value);
  }
  EXPECT_TRUE(std::isnan(round_element(std::nanf(""), format)));
}

INSTANTIATE_TEST_SUITE_P(
    Formats,
    MxFormat,
    testing::ValuesIn(kCodes),
    [](const testing::TestParamInfo<Code>& format) {
      return std::string(format.param.name);
    });

at::Tensor random(at::IntArrayRef shape, double scale) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(3);
  return at::randn(shape, generator, at::TensorOptions(at::kFloat)) * scale;
}

TEST(MxRounding, EqualsLibTorchsCastsWhereTheyDoNotOverflow) {
  const at::Tensor x = random({64, 512}, 20);
  const float* values = x.const_data_ptr<float>();
  for (const auto& [name, dtype] :
       {std::pair("fp8_e4m3", at::kFloat8_e4m3fn),
        std::pair("fp8_e5m2", at::kFloat8_e5m2)}) {
    const at::Tensor cast = x.to(dtype).to(at::kFloat);
    const float* expected = cast.const_data_ptr<float>();
    const ElementFormat format = element_format(name);
    for (int64_t i = 0; i < x.numel(); ++i) {
      ASSERT_EQ(round_element(values[i], format), expected[i]) << values[i];
    }
  }
}

/// A block by the specification's algorithm, with nothing but doubles.
double block_value(double x, double amax, const Code& code) {
  const std::vector<double> values = values_of(code);
  const double largest_exponent = std::floor(std::log2(values.back()));
  const double scale =
      std::exp2(std::floor(std::log2(amax)) - largest_exponent);
  return std::copysign(nearest(values, std::abs(x) / scale) * scale, x);
}

TEST(MxRounding, BlocksShareTheScaleOfTheirLargestValue) {
  // Two whole blocks and a short one in each row, of very different sizes.
  at::Tensor x = random({3, 70}, 1);
  x.slice(1, 32, 64).mul_(1e-4);
  x.slice(1, 64, 70).mul_(1e5);
  for (const Code& code : kCodes) {
    const at::Tensor rounded = round_blocks(x, element_format(code.name));
    for (int64_t row = 0; row < 3; ++row) {
      for (int64_t column = 0; column < 70; ++column) {
        const int64_t begin = column / 32 * 32;
        const at::Tensor block =
            x[row].slice(0, begin, std::min<int64_t>(70, begin + 32));
        ASSERT_EQ(
            rounded[row][column].item<float>(),
            block_value(
                x[row][column].item<float>(),
                block.abs().max().item<float>(),
                code))
            << code.name << " " << row << " " << column;
      }
    }
  }
}

TEST(MxRounding, ZerosStayAndNaNSpreadsOverItsBlockAlone) {
  at::Tensor x = at::zeros({1, 64});
  EXPECT_TRUE(at::equal(round_blocks(x, element_format("fp4_e2m1")), x));
  x[0][3].fill_(std::nan(""));
  x[0][40].fill_(1);
  const at::Tensor rounded = round_blocks(x, element_format("fp4_e2m1"));
  EXPECT_TRUE(rounded.slice(1, 0, 32).isnan().all().item<bool>());
  EXPECT_FALSE(rounded.slice(1, 32, 64).isnan().any().item<bool>());
  EXPECT_EQ(rounded[0][40].item<float>(), 1);
}

TEST(MxRounding, ScalesEndWhereE8M0Ends) {
  const ElementFormat format = element_format("fp8_e5m2");
  EXPECT_EQ(shared_exponent(1e-38F, format), -127);
  EXPECT_EQ(shared_exponent(57344, format), 0);
  EXPECT_EQ(shared_exponent(3e38F, format), 127 - 15);
}

TEST(MxRounding, StatisticsCountWhatALoopCounts) {
  // One block: 6 is kept, 0.2 becomes 0, 5.2 becomes 6 (scale 1).
  at::Tensor x = at::zeros({1, 32});
  x[0][0].fill_(6);
  x[0][1].fill_(0.2);
  x[0][2].fill_(5.2);
  const ElementFormat format = element_format("fp4_e2m1");
  const CastStatistics found =
      cast_statistics("input", x, round_blocks(x, format), format);
  EXPECT_EQ(found.tensor, "input");
  EXPECT_EQ(found.amax, 6);
  EXPECT_EQ(found.scale, 1);
  EXPECT_NEAR(found.underflow, 1.0 / 3, 1e-12);
  EXPECT_EQ(found.overflow, 0);
  const double signal = 36 + 0.04 + 27.04, noise = 0.04 + 0.64;
  EXPECT_NEAR(found.sqnr_db, 10 * std::log10(signal / noise), 1e-4);
}

TEST(MxRounding, AnUnknownFormatIsAnError) {
  EXPECT_THROW(element_format("fp8"), Error);
}

} // namespace
} // namespace octet::mx
