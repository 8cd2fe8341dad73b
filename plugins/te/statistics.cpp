// Scales of blocks are widened to one a value; this runs every N steps, so
// nothing here is fast.
#include "statistics.h"

#include <ATen/ops/exp2.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <ATen/TensorOperators.h>

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

double ratio(const at::Tensor& part, const at::Tensor& whole) {
  const auto all = static_cast<double>(whole.sum().item<int64_t>());
  return all == 0 ? 0 : static_cast<double>(part.sum().item<int64_t>()) / all;
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
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor cast = dequantize(quantized).slice(0, 0, rows);
  const at::Tensor size = wide.abs();
  at::Tensor scale_inv = scale_inv_of(quantized);
  if (scale_inv.dim() == 2) {
    scale_inv = scale_inv.slice(0, 0, rows);
  }
  // From here on nearest rounding ends and clamping begins.
  const double clamped =
      quantized.format == abi::kFloat8E5M2 ? 57344 + 4096 : 448 + 16;
  const at::Tensor nonzero = wide != 0;

  CastStatistics result;
  result.tensor = tensor;
  result.amax = at::where(at::isfinite(size), size, at::zeros_like(size))
                    .max()
                    .item<double>();
  result.scale = 1 / scale_inv.max().item<double>();
  result.underflow = ratio(nonzero.logical_and(cast == 0), nonzero);
  result.overflow =
      (size > scale_inv * clamped).to(at::kFloat).mean().item<double>();
  const double error = (wide - cast).norm().item<double>();
  const double norm = wide.norm().item<double>();
  result.sqnr_db = error == 0 ? std::numeric_limits<double>::infinity()
                              : 20 * std::log10(norm / error);
  return result;
}

} // namespace octet::te
