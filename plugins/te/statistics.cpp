// Scales of blocks are widened to one a value; this runs every N steps, so
// nothing here is fast.
#include "statistics.h"

#include <ATen/ops/exp2.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace octet::te {
namespace {

/// fp32, [M, K] or something that broadcasts to it.
at::Tensor scale_inv_of(const Quantized& quantized) {
  const int64_t m = quantized.rowwise.size(0), k = quantized.rowwise.size(1);
  const at::Tensor& scales = quantized.rowwise_scale_inv;
  switch (quantized.mode) {
    case abi::kMxfp8Scaling:
      return at::exp2(scales.to(at::kFloat) - 127)
          .repeat_interleave(32, 1)
          .slice(0, 0, m)
          .slice(1, 0, k);
    case abi::kBlockScaling1d:
      return scales.slice(1, 0, m).t().repeat_interleave(128, 1).slice(1, 0, k);
    case abi::kBlockScaling2d:
      return scales.repeat_interleave(128, 0)
          .repeat_interleave(128, 1)
          .slice(0, 0, m)
          .slice(1, 0, k);
    default:
      return scales;
  }
}

/// Rows that blocks of scales begin at.
constexpr int64_t kAlign = 128;
/// Elements that are measured at once. A handful of copies of them is all that
/// a watched step needs beside a run that may just fit its memory.
constexpr int64_t kAtOnce = int64_t{1} << 20;

/// Those rows of the rowwise copy. @param begin a multiple of kAlign
Quantized rows_of(const Quantized& quantized, int64_t begin, int64_t end) {
  Quantized part = quantized;
  at::Tensor& scales = part.rowwise_scale_inv;
  part.rowwise = quantized.rowwise.slice(0, begin, end);
  if (quantized.mode == abi::kMxfp8Scaling) {
    scales = scales.slice(0, begin, end);
  } else if (quantized.mode == abi::kBlockScaling1d) {
    scales = scales.slice(1, begin, end);
  } else if (quantized.mode == abi::kBlockScaling2d) {
    scales = scales.slice(0, begin / kAlign);
  }
  return part;
}

struct Totals {
  double amax = 0, scale_inv = 0;
  /// Numbers of elements.
  int64_t nonzero = 0, lost = 0, clamped = 0;
  /// Sums of squares.
  double signal = 0, noise = 0;
};

double sum_of_squares(const at::Tensor& x) {
  return x.to(at::kDouble).square_().sum().item<double>();
}

void add(const at::Tensor& x, const Quantized& quantized, Totals& totals) {
  const at::Tensor wide = x.to(at::kFloat), size = wide.abs();
  const at::Tensor cast = dequantize(quantized);
  const at::Tensor scale_inv = scale_inv_of(quantized);
  const at::Tensor nonzero = wide != 0;
  // From here on nearest rounding ends and clamping begins.
  const double clamped =
      quantized.format == abi::kFloat8E5M2 ? 57344 + 4096 : 448 + 16;
  totals.amax = std::max(
      totals.amax,
      at::where(at::isfinite(size), size, at::zeros_like(size))
          .max()
          .item<double>());
  totals.scale_inv = std::max(totals.scale_inv, scale_inv.max().item<double>());
  totals.nonzero += nonzero.sum().item<int64_t>();
  totals.lost += nonzero.logical_and(cast == 0).sum().item<int64_t>();
  totals.clamped += (size > scale_inv * clamped).sum().item<int64_t>();
  totals.signal += sum_of_squares(wide);
  totals.noise += sum_of_squares(wide - cast);
}

double part_of(int64_t part, int64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

} // namespace

at::Tensor dequantize(const Quantized& quantized) {
  const at::ScalarType format = quantized.format == abi::kFloat8E5M2
      ? at::kFloat8_e5m2
      : at::kFloat8_e4m3fn;
  return quantized.rowwise.view(format).to(at::kFloat) *
      scale_inv_of(quantized);
}

CastStatistics measure(
    const std::string& tensor,
    const at::Tensor& x,
    const Quantized& quantized) {
  const int64_t rows = x.size(0);
  const int64_t length =
      std::max<int64_t>(1, kAtOnce / (kAlign * x.size(1))) * kAlign;
  Totals totals;
  for (int64_t begin = 0; begin < rows; begin += length) {
    const int64_t end = std::min(begin + length, rows);
    add(x.slice(0, begin, end), rows_of(quantized, begin, end), totals);
  }
  CastStatistics result;
  result.tensor = tensor;
  result.amax = totals.amax;
  result.scale = 1 / totals.scale_inv;
  result.underflow = part_of(totals.lost, totals.nonzero);
  result.overflow = part_of(totals.clamped, x.numel());
  result.sqnr_db = totals.noise == 0
      ? std::numeric_limits<double>::infinity()
      : 10 * std::log10(totals.signal / totals.noise);
  return result;
}

} // namespace octet::te
