// A recipe: where scales come from, and what its products want.
#pragma once

#include "quantized.h"
#include "settings.h"

#include <octet/precision.h>

#include <memory>
#include <string>

namespace octet::te {

enum class Operand { input, weight, grad_output };

/// The FP8 type that an operand is cast to.
inline abi::DType format_of(const Settings& settings, Operand operand) {
  return operand == Operand::grad_output ? settings.backward : settings.forward;
}

class Recipe {
 public:
  virtual ~Recipe() = default;

  /// A quantizer of one operand; delayed scaling gives it a slot of its own.
  virtual std::unique_ptr<Quantizer> quantizer(Operand operand) = 0;

  /// Rows that products read are a multiple of it.
  virtual int64_t row_multiple() const {
    return 16;
  }
  /// Both sizes of a weight must be a multiple of it.
  virtual int64_t feature_multiple() const {
    return 16;
  }
  /// Whether sums of y are rounded less often, at the price of speed; those of
  /// gradients always are.
  virtual bool split_accumulator_forward() const {
    return false;
  }
  /// Whether all products read a copy along their inner dimension on every
  /// GPU: true where scales run along it.
  virtual bool always_columnwise() const {
    return false;
  }

  /// What belongs into a checkpoint of the operand of that quantizer.
  virtual State state(const Quantizer&) {
    return {};
  }
  virtual void load(const Quantizer&, const State&) {}
  /// @param ranks null in a run of one rank
  virtual void end_microbatch(Collective*) {}
};

std::unique_ptr<Recipe> make_recipe(
    std::shared_ptr<const Library> library,
    const Settings& settings);

std::unique_ptr<Recipe> make_delayed_scaling(
    std::shared_ptr<const Library> library,
    const Settings& settings);
std::unique_ptr<Recipe> make_current_scaling(
    std::shared_ptr<const Library> library,
    const Settings& settings);
std::unique_ptr<Recipe> make_block_scaling(
    std::shared_ptr<const Library> library,
    const Settings& settings);
std::unique_ptr<Recipe> make_mxfp8_scaling(
    std::shared_ptr<const Library> library,
    const Settings& settings);

} // namespace octet::te
