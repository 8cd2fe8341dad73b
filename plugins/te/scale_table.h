// The scales of delayed scaling: for each slot an amax history and the scale
// that follows from it, all slots of one format in one table.
//
// Source: Micikevicius et al., "FP8 Formats for Deep Learning"; the update is
// that of Transformer Engine's bulk kernel. Golden:
// tests/fixtures/te/te_delayed_scaling.jsonl.
#pragma once

#include "library.h"

#include <octet/tensors.h>

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

namespace octet::te {

class ScaleTable {
 public:
  struct Settings {
    abi::DType format = abi::kFloat8E4M3;
    int64_t history_length = 16;
    /// "max" or "most_recent".
    std::string algorithm = "max";
    int64_t margin = 0;
  };

  ScaleTable(std::shared_ptr<const Library> library, Settings settings);

  /// A new slot: scale 1, history 0.
  int64_t add_slot();
  /// Moves the table to a device, once it is known.
  void use(const at::Device& device);

  abi::DType format() const {
    return settings_.format;
  }
  /// Where a cast reads its scale and adds its amax: |x| before scaling is
  /// max-accumulated into row 0.
  float* scale(int64_t slot);
  float* amax(int64_t slot);
  /// fp32 [slots]: the amax of this microbatch.
  at::Tensor current_amax();
  /// fp32 [length, slots], [slots]
  const at::Tensor& history();
  const at::Tensor& scales();

  /// The end of a microbatch: histories move on by one, scales follow. A slot
  /// whose amax is 0 was not used and keeps both.
  /// @param reduced fp32 [slots]: amax over all ranks; where it is not 0 it
  /// replaces row 0. May be undefined.
  void update(const at::Tensor& reduced);

  /// "amax_history" [length] and "scale" [1] of one slot, on the CPU.
  State state(int64_t slot);
  /// @throws Error when a tensor is missing or has another shape
  void load(int64_t slot, const State& state);

 private:
  void grow();

  std::shared_ptr<const Library> library_;
  Settings settings_;
  int64_t slots_ = 0;
  at::Tensor history_, scale_;
};

} // namespace octet::te
