// torchao's float8 recipes as data: how each operand of the three products of
// a linear layer is cast, and how the products are computed.
//
//   output      = input @ weight_t          [M, K] x [K, N]
//   grad_input  = grad_output @ weight      [M, N] x [N, K]
//   grad_weight = grad_output_t @ input     [N, M] x [M, K]
//
// Source: torchao 0.18 float8/config.py (Float8LinearConfig,
// from_recipe_name); goldens: tests/fixtures/torchao.
#pragma once

#include <ATen/core/ScalarType.h>

#include <string>

namespace octet::torchao {

/// One scale for the whole tensor, or one for each row along the inner
/// dimension of the product.
enum class Granularity { tensorwise, axiswise };

struct CastConfig {
  Granularity granularity = Granularity::tensorwise;
  at::ScalarType dtype = at::kFloat8_e4m3fn;
  /// False: the operand stays in high precision.
  bool enabled = true;
};

struct Recipe {
  std::string name;
  CastConfig input, input_for_grad_weight;
  CastConfig weight, weight_for_grad_input;
  CastConfig grad_output, grad_output_for_grad_weight;
  /// Scales are rounded down to a power of two.
  bool round_scales_to_power_of_2 = false;
  /// Sums in lower precision, where the hardware has that; only of output.
  bool fast_accum_output = true;
};

/// @param name tensorwise, rowwise or rowwise_with_gw_hp
/// @param round_scales_to_power_of_2 for tensorwise; the others always round
/// @throws Error naming the known recipes
Recipe make_recipe(const std::string& name, bool round_scales_to_power_of_2);

} // namespace octet::torchao
