// Measured in fp64 after the fact, so that a cast that nobody watches pays
// nothing; by blocks, so that one that is watched needs little memory.
#include "statistics.h"

#include "scale.h"

#include <ATen/ops/abs.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace octet::torchao {
namespace {

/// From here on a scaled value no longer rounds to the largest one: half a
/// step above it (448 + 16 in e4m3, 57344 + 4096 in e5m2).
double overflow_limit(at::ScalarType float8) {
  const double half_step = float8 == at::kFloat8_e4m3fn ? 16 : 4096;
  return largest(float8) + half_step;
}

/// Elements of a block: fp64 copies and products take some 45 bytes for
/// each, so that temporaries stay below 64 MiB whatever the tensor's size. A
/// run that just fits its memory can still be watched.
constexpr int64_t kBlock = int64_t{1} << 20;

/// What the blocks add up to; of rank 0 and on the tensor's device, which is
/// waited for once, at the end.
struct Totals {
  explicit Totals(const at::Tensor& x)
      : amax(at::zeros({}, x.options().dtype(at::kDouble))),
        signal(at::zeros_like(amax)),
        noise(at::zeros_like(amax)),
        nonzero(at::zeros({}, x.options().dtype(at::kLong))),
        lost(at::zeros_like(nonzero)),
        clamped(at::zeros_like(nonzero)) {}

  at::Tensor amax;
  /// Sums of squares.
  at::Tensor signal, noise;
  /// Numbers of elements.
  at::Tensor nonzero, lost, clamped;
};

void add_block(
    const at::Tensor& x,
    const at::Tensor& data,
    const at::Tensor& scale,
    Totals& totals) {
  const at::Tensor exact = x.to(at::kDouble);
  const at::Tensor magnitude = at::abs(exact);
  const at::Tensor values = data.to(at::kDouble);
  totals.amax = at::maximum(
      totals.amax, at::where(at::isfinite(magnitude), magnitude, 0.0).max());
  const at::Tensor nonzero = magnitude > 0;
  totals.nonzero.add_(nonzero.sum());
  totals.lost.add_(at::logical_and(nonzero, values == 0).sum());
  totals.clamped.add_(
      (magnitude * scale > overflow_limit(data.scalar_type())).sum());
  totals.signal.add_(exact.norm().square());
  totals.noise.add_((exact - values / scale).norm().square());
}

double part(const at::Tensor& some, double all) {
  return all > 0 ? some.item<double>() / all : 0;
}

} // namespace

CastStatistics measure_cast(
    std::string tensor,
    const at::Tensor& x,
    const Float8Tensor& cast) {
  CastStatistics row;
  row.tensor = std::move(tensor);
  if (x.numel() == 0) {
    row.sqnr_db = std::numeric_limits<double>::infinity();
    return row;
  }
  const at::Tensor scale = cast.scale.to(at::kDouble);
  // Along the dimension in which memory runs: a weight comes transposed.
  const int64_t axis = x.stride(0) >= x.stride(1) ? 0 : 1;
  const int64_t length = std::max<int64_t>(1, kBlock / x.size(1 - axis));
  Totals totals(x);
  for (int64_t begin = 0; begin < x.size(axis); begin += length) {
    const int64_t end = std::min(begin + length, x.size(axis));
    const bool own_scales = cast.axiswise() && scale.size(axis) > 1;
    add_block(
        x.slice(axis, begin, end),
        cast.data.slice(axis, begin, end),
        own_scales ? scale.slice(axis, begin, end) : scale,
        totals);
  }
  row.amax = totals.amax.item<double>();
  row.scale = scale.min().item<double>();
  row.underflow = part(totals.lost, totals.nonzero.item<double>());
  row.overflow = part(totals.clamped, static_cast<double>(x.numel()));
  const double noise = totals.noise.item<double>();
  row.sqnr_db = noise == 0
      ? std::numeric_limits<double>::infinity()
      : 10 * std::log10(totals.signal.item<double>() / noise);
  return row;
}

} // namespace octet::torchao
