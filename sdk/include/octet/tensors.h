// Tensors that cross between host and plugins: saved activations, weights,
// trainable parameters, named state.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace octet {

/// What a forward keeps for its backward, in an order only it knows.
struct Saved {
  /// Of any shape and dtype.
  std::vector<at::Tensor> tensors;

  /// Frees them.
  void clear() {
    tensors.clear();
  }
};

/// Named tensors, in order; part of a checkpoint.
using State = std::vector<std::pair<std::string, at::Tensor>>;

/// An input that several sites may share: q, k and v read one object.
struct Activation {
  /// [M, K], the compute dtype, contiguous.
  at::Tensor value;
  /// Where a backend may leave the quantized form for the other sites of the
  /// group. Only the backend that wrote it reads it; it dies with the object.
  mutable std::shared_ptr<void> quantized = nullptr;
};

/// Where a site's weight comes from. Backward asks again instead of keeping a
/// materialized copy alive, so 4-bit storage, fake quantization and sharding
/// cost no activation memory.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// @param dtype usually the compute dtype; any that ATen converts to
  /// @returns the weight [N, K] in `dtype`, contiguous, on the run's device;
  /// may share memory with the stored tensor: never write to it
  virtual at::Tensor materialize(at::ScalarType dtype) const = 0;

  /// @returns a number that changes whenever the values change, so results can
  /// be cached by it
  virtual int64_t version() const = 0;

  /// @returns true when no gradient of this weight is wanted
  virtual bool frozen() const = 0;
};

/// A trainable tensor. The master copy and the gradient are fp32.
struct Parameter {
  /// Name in checkpoints: "model.norm.weight".
  std::string name;
  /// fp32, any shape.
  at::Tensor master;
  /// fp32, same shape; summed over the microbatches of a step. Undefined
  /// until the host allocates it.
  at::Tensor grad;
  /// Whether weight decay applies (not for biases and norms).
  bool decay = true;
  /// Raised by the host after every update.
  int64_t version = 0;

  /// The master in another dtype, cached until the next update.
  /// @param dtype the master's own gives the master itself
  /// @returns the shape of the master; never write to it
  at::Tensor as(at::ScalarType dtype) const {
    if (master.scalar_type() == dtype) {
      return master;
    }
    if (!cast_.defined() || cast_version_ != version ||
        cast_.scalar_type() != dtype) {
      cast_ = master.to(dtype);
      cast_version_ = version;
    }
    return cast_;
  }

 private:
  mutable at::Tensor cast_;
  mutable int64_t cast_version_ = -1;
};

} // namespace octet
