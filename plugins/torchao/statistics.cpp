// Measured in fp64 after the fact, so that a cast that nobody watches pays
// nothing.
#include "statistics.h"

#include "scale.h"

#include <ATen/ops/abs.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/where.h>
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

double count(const at::Tensor& condition) {
  return condition.sum().item<double>();
}

double part(double some, double all) {
  return all > 0 ? some / all : 0;
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
  const at::Tensor exact = x.to(at::kDouble);
  const at::Tensor magnitude = at::abs(exact);
  const at::Tensor scale = cast.scale.to(at::kDouble);
  const at::Tensor values = cast.data.to(at::kDouble);
  row.amax =
      at::where(at::isfinite(magnitude), magnitude, at::zeros_like(magnitude))
          .max()
          .item<double>();
  row.scale = scale.min().item<double>();
  const at::Tensor nonzero = magnitude > 0;
  row.underflow =
      part(count(at::logical_and(nonzero, values == 0)), count(nonzero));
  const double limit = overflow_limit(cast.data.scalar_type());
  row.overflow =
      part(count(magnitude * scale > limit), static_cast<double>(x.numel()));
  const double noise = (exact - values / scale).norm().item<double>();
  row.sqnr_db = noise == 0
      ? std::numeric_limits<double>::infinity()
      : 20 * std::log10(exact.norm().item<double>() / noise);
  return row;
}

} // namespace octet::torchao
