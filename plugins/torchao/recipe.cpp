// The three recipes; see the header for what the fields mean.
#include "recipe.h"

#include <octet/error.h>

namespace octet::torchao {
namespace {

CastConfig axiswise() {
  return {Granularity::axiswise, at::kFloat8_e4m3fn, true};
}

Recipe tensorwise(bool round_scales) {
  Recipe recipe;
  // e5m2 has the range that gradients need when one scale serves them all.
  recipe.grad_output.dtype = at::kFloat8_e5m2;
  recipe.grad_output_for_grad_weight = recipe.grad_output;
  recipe.round_scales_to_power_of_2 = round_scales;
  return recipe;
}

Recipe rowwise() {
  Recipe recipe;
  recipe.input = recipe.input_for_grad_weight = axiswise();
  recipe.weight = recipe.weight_for_grad_input = axiswise();
  recipe.grad_output = recipe.grad_output_for_grad_weight = axiswise();
  recipe.round_scales_to_power_of_2 = true;
  return recipe;
}

/// Each tensor is scaled along one dimension only, and the gradient of the
/// weight is a product in high precision.
Recipe rowwise_with_gw_hp() {
  Recipe recipe = rowwise();
  recipe.weight_for_grad_input.granularity = Granularity::tensorwise;
  recipe.input_for_grad_weight.enabled = false;
  recipe.grad_output_for_grad_weight.enabled = false;
  return recipe;
}

Recipe by_name(const std::string& name, bool round_scales) {
  if (name == "tensorwise") {
    return tensorwise(round_scales);
  }
  if (name == "rowwise") {
    return rowwise();
  }
  if (name == "rowwise_with_gw_hp") {
    return rowwise_with_gw_hp();
  }
  throw Error(
      "torchao",
      "expected recipe tensorwise, rowwise or rowwise_with_gw_hp, found \"" +
          name + "\"");
}

} // namespace

Recipe make_recipe(const std::string& name, bool round_scales_to_power_of_2) {
  Recipe recipe = by_name(name, round_scales_to_power_of_2);
  recipe.name = name;
  return recipe;
}

} // namespace octet::torchao
