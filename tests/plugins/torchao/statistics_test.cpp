// The statistics of a cast against plain loops.
#include "plugins/torchao/statistics.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/TensorOperators.h>
#include <c10/core/Allocator.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

namespace octet::torchao {
namespace {

struct Format {
  at::ScalarType dtype;
  int mantissa, lowest_exponent;
  double largest;
};

constexpr Format kE4m3{at::kFloat8_e4m3fn, 3, -6, 448};
constexpr Format kE5m2{at::kFloat8_e5m2, 2, -14, 57344};

/// Rounds to the nearest value of the format, ties to even, saturating.
double rounded(double value, const Format& format) {
  if (value == 0) {
    return 0;
  }
  const int exponent =
      std::max(std::ilogb(value), format.lowest_exponent) - format.mantissa;
  const double step = std::ldexp(1.0, exponent);
  const double near = std::nearbyint(value / step) * step;
  return std::clamp(near, -format.largest, format.largest);
}

/// The same by loops. @param scales one for each row
CastStatistics measured(
    const std::vector<float>& x,
    const std::vector<float>& scales,
    const Format& format) {
  CastStatistics row;
  row.scale = *std::min_element(scales.begin(), scales.end());
  const size_t columns = x.size() / scales.size();
  const double step =
      std::ldexp(1.0, std::ilogb(format.largest) - format.mantissa);
  double nonzero = 0, lost = 0, clamped = 0, signal = 0, noise = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double value = x[i];
    const double scale = scales[i / columns];
    const double scaled = double(float(value) * float(scale));
    const double back = rounded(scaled, format) / scale;
    row.amax = std::max(row.amax, std::abs(value));
    nonzero += value != 0;
    lost += value != 0 && rounded(scaled, format) == 0;
    clamped += std::abs(scaled) > format.largest + step / 2;
    signal += value * value;
    noise += (value - back) * (value - back);
  }
  row.underflow = lost / nonzero;
  row.overflow = clamped / double(x.size());
  row.sqnr_db = 10 * std::log10(signal / noise);
  return row;
}

void expect_same(
    const std::vector<float>& x,
    const std::vector<float>& scales,
    const Format& format) {
  const auto rows = static_cast<int64_t>(scales.size());
  const at::Tensor tensor = at::tensor(x).view({rows, -1});
  const at::Tensor scale =
      rows == 1 ? at::tensor(scales)[0] : at::tensor(scales).view({rows, 1});
  const Float8Tensor cast{to_float8(tensor, scale, format.dtype), scale};
  const CastStatistics found = measure_cast("input", tensor, cast);
  const CastStatistics expected = measured(x, scales, format);
  EXPECT_EQ(found.tensor, "input");
  EXPECT_DOUBLE_EQ(found.amax, expected.amax);
  EXPECT_DOUBLE_EQ(found.scale, expected.scale);
  EXPECT_DOUBLE_EQ(found.underflow, expected.underflow);
  EXPECT_DOUBLE_EQ(found.overflow, expected.overflow);
  EXPECT_NEAR(found.sqnr_db, expected.sqnr_db, 1e-3);
}

std::vector<float> spread(size_t count, float octaves) {
  std::mt19937 engine(5);
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) {
    const float exponent =
        octaves * (float(engine()) / float(engine.max()) - 0.5F);
    values.push_back(std::exp2(exponent) * (engine() % 2 ? 1.0F : -1.0F));
  }
  values[3] = 0;
  return values;
}

TEST(TorchaoStatistics, AreThoseOfPlainLoops) {
  for (const Format& format : {kE4m3, kE5m2}) {
    // A scale that fits, one that clamps much, one that loses much.
    for (const float scale : {1.0F, 3000.0F, 0.001F}) {
      expect_same(spread(480, 20), {scale}, format);
      expect_same(spread(480, 20), {scale, 2 * scale, scale / 4}, format);
    }
  }
}

TEST(TorchaoStatistics, BothControlsAreSeen) {
  const std::vector<float> x = spread(480, 30);
  EXPECT_GT(measured(x, {3000.0F}, kE4m3).overflow, 0.1);
  EXPECT_GT(measured(x, {0.001F}, kE4m3).underflow, 0.1);
}

TEST(TorchaoStatistics, TheLargestElementUnderItsOwnScaleDoesNotOverflow) {
  for (const float amax : {3.0F, 7.0F, 0.1F, 1e-7F}) {
    const at::Tensor x = at::tensor({amax, -amax, amax / 3}).view({1, 3});
    const Float8Tensor cast = cast_to_float8(x, {}, 1, false);
    EXPECT_EQ(measure_cast("input", x, cast).overflow, 0) << amax;
  }
}

TEST(TorchaoStatistics, AnExactCastHasInfiniteSqnr) {
  const at::Tensor x = at::tensor({1.0F, -2.0F, 448.0F}).view({1, 3});
  const at::Tensor one = at::full({}, 1.0F);
  const CastStatistics row =
      measure_cast("weight", x, {to_float8(x, one, at::kFloat8_e4m3fn), one});
  EXPECT_TRUE(std::isinf(row.sqnr_db) && row.sqnr_db > 0);
}

// A million elements a block: three blocks by rows here, whichever way the
// memory runs. Scales are powers of two, so that no product is rounded.
TEST(TorchaoStatistics, BlocksAddUpToTheWholeTensor) {
  constexpr int64_t kRowCount = 1000, kColumnCount = 3000;
  std::vector<float> x = spread(kRowCount * kColumnCount, 24);
  x.back() = 50000; // the amax, in the last block
  std::vector<float> scales;
  for (int i = 0; i < kRowCount; ++i) {
    scales.push_back(std::exp2(float(i % 7 - 3)));
  }
  const CastStatistics expected = measured(x, scales, kE4m3);
  EXPECT_GT(expected.underflow, 0.01);
  EXPECT_GT(expected.overflow, 0.01);
  const at::Tensor tensor = at::tensor(x).view({kRowCount, kColumnCount});
  const at::Tensor scale = at::tensor(scales).view({kRowCount, 1});
  const Float8Tensor rows{to_float8(tensor, scale, kE4m3.dtype), scale};
  const Float8Tensor columns{rows.data.t().contiguous(), scale.t()};
  for (const CastStatistics& found :
       {measure_cast("input", tensor, rows),
        measure_cast("weight", tensor.t(), rows.t()),
        measure_cast("input", tensor.t().contiguous(), columns)}) {
    EXPECT_EQ(found.amax, expected.amax);
    EXPECT_EQ(found.scale, expected.scale);
    EXPECT_EQ(found.underflow, expected.underflow);
    EXPECT_EQ(found.overflow, expected.overflow);
    EXPECT_NEAR(found.sqnr_db, expected.sqnr_db, 1e-6);
  }
}

/// The most that tensors of this thread held at one time.
class PeakMemory : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device)
      override {
    live_ += bytes;
    peak = std::max(peak, live_);
  }
  bool memoryProfilingEnabled() const override {
    return true;
  }
  int64_t peak = 0;

 private:
  int64_t live_ = 0;
};

TEST(TorchaoStatistics, TemporariesOfALargeTensorStayBelow64MiB) {
  const at::Tensor x = at::full({512, 8192}, 0.3, at::kBFloat16);
  const Float8Tensor cast = cast_to_float8(x, {}, 1, false);
  const auto memory = std::make_shared<PeakMemory>();
  {
    const c10::DebugInfoGuard watch(c10::DebugInfoKind::PROFILER_STATE, memory);
    measure_cast("input", x, cast);
    measure_cast("weight", x.t(), cast.t());
  }
  // Less than one fp64 copy would say that nothing was counted.
  EXPECT_GT(memory->peak, 8 << 20);
  EXPECT_LE(memory->peak, 64 << 20);
}

TEST(TorchaoStatistics, InfinitiesAreNotTheAmaxAndNansAreSeen) {
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor one = at::full({}, 1.0F);
  const auto measure = [&](const at::Tensor& x) {
    return measure_cast(
        "input", x, {to_float8(x, one, at::kFloat8_e4m3fn), one});
  };
  const CastStatistics infinite =
      measure(at::tensor({1.0F, infinity, -3.0F, 0.0F}).view({1, 4}));
  EXPECT_EQ(infinite.amax, 3);
  EXPECT_EQ(infinite.overflow, 0.25);
  const CastStatistics nan =
      measure(at::tensor({1.0F, std::nanf(""), -3.0F, 0.0F}).view({1, 4}));
  EXPECT_EQ(nan.overflow, 0);
  EXPECT_TRUE(std::isnan(nan.sqnr_db));
}

} // namespace
} // namespace octet::torchao
