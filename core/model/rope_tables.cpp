// Every product is in fp32 in transformers' order, since an angle at a late
// position is a large number: one rounding more and logits differ by 1e-4.
#include "core/model/rope_tables.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace octet {
namespace {

/// theta^(2 i / d)
at::Tensor periods(const ModelSpec& spec) {
  const auto d = static_cast<double>(spec.head_size);
  return at::pow(
      spec.rope_theta, at::arange(0, spec.head_size, 2, at::kFloat) / d);
}

/// Slow turns are divided by the factor, fast ones stay, those between are
/// mixed (Llama 3.1).
at::Tensor llama3_frequencies(
    const at::Tensor& plain,
    const RopeScaling& scaling) {
  const auto context = static_cast<double>(scaling.original_max_positions);
  const double low_wavelength = context / scaling.low_freq_factor;
  const double high_wavelength = context / scaling.high_freq_factor;
  const at::Tensor wavelength = 2 * std::numbers::pi / plain;
  const at::Tensor scaled =
      at::where(wavelength > low_wavelength, plain / scaling.factor, plain);
  const at::Tensor smooth = (context / wavelength - scaling.low_freq_factor) /
      (scaling.high_freq_factor - scaling.low_freq_factor);
  const at::Tensor mixed =
      (1 - smooth) * scaled / scaling.factor + smooth * scaled;
  const at::Tensor between =
      (wavelength >= high_wavelength).logical_and(wavelength <= low_wavelength);
  return at::where(between, mixed, scaled);
}

/// The channel (of d) that turns `rotations` times within the context.
double
correction_channel(double rotations, double d, double theta, double context) {
  return d * std::log(context / (rotations * 2 * std::numbers::pi)) /
      (2 * std::log(theta));
}

/// Interpolation below a ramp of channels, extrapolation above (YaRN).
at::Tensor yarn_frequencies(const ModelSpec& spec, const RopeScaling& scaling) {
  const auto d = static_cast<double>(spec.head_size);
  const auto context = static_cast<double>(scaling.original_max_positions);
  double low =
      correction_channel(scaling.beta_fast, d, spec.rope_theta, context);
  double high =
      correction_channel(scaling.beta_slow, d, spec.rope_theta, context);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, d - 1);
  if (low == high) {
    high += 0.001;
  }
  const at::Tensor period = periods(spec);
  const at::Tensor ramp =
      ((at::arange(spec.head_size / 2, at::kFloat) - low) / (high - low))
          .clamp(0, 1);
  const at::Tensor keep = 1 - ramp;
  return 1.0 / (scaling.factor * period) * (1 - keep) + 1.0 / period * keep;
}

double yarn_attention_factor(const RopeScaling& scaling) {
  const auto mscale = [&](double weight) {
    return scaling.factor <= 1 ? 1.0
                               : 0.1 * weight * std::log(scaling.factor) + 1;
  };
  if (scaling.attention_factor) {
    return *scaling.attention_factor;
  }
  if (scaling.mscale.value_or(0) != 0 &&
      scaling.mscale_all_dim.value_or(0) != 0) {
    return mscale(*scaling.mscale) / mscale(*scaling.mscale_all_dim);
  }
  return mscale(1);
}

} // namespace

RopeFrequencies::RopeFrequencies(
    const ModelSpec& spec,
    const at::Device& device)
    : device_(device) {
  const RopeScaling& scaling = spec.rope_scaling;
  const at::Tensor plain = 1.0 / periods(spec);
  switch (scaling.kind) {
    case RopeScalingKind::none:
      inverse_frequencies_ = plain;
      break;
    case RopeScalingKind::linear:
      inverse_frequencies_ = plain / scaling.factor;
      break;
    case RopeScalingKind::llama3:
      inverse_frequencies_ = llama3_frequencies(plain, scaling);
      break;
    case RopeScalingKind::yarn:
      inverse_frequencies_ = yarn_frequencies(spec, scaling);
      attention_factor_ = yarn_attention_factor(scaling);
      break;
  }
}

RopeTable RopeFrequencies::table(const std::vector<int64_t>& positions) const {
  const at::Tensor position =
      at::tensor(positions, at::kLong).to(at::kFloat).unsqueeze(1);
  const at::Tensor angle = position * inverse_frequencies_;
  return {
      angle.cos().mul_(attention_factor_).to(device_),
      angle.sin().mul_(attention_factor_).to(device_)};
}

} // namespace octet
