// A matrix in FP8, as products read it.
//
// Shapes: M rows (tokens, or the weight's outputs), K columns. "Columnwise" is
// the copy that products read which sum over the rows: the physical transpose
// [K, M], except for MXFP8, where it is [M, K] scaled along columns.
#pragma once

#include "tensor.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace octet::te {

struct Quantized {
  abi::ScalingMode mode = abi::kTensorScaling;
  abi::DType format = abi::kFloat8E4M3;
  /// Bytes; either may be undefined, and so are its scales then.
  at::Tensor rowwise, columnwise;
  /// What the bytes are multiplied with: fp32 [1] for both copies, fp32 per
  /// block, or E8M0 bytes per 32 values.
  at::Tensor rowwise_scale_inv, columnwise_scale_inv;
  /// Block scales in the order that products read (MXFP8), where that differs.
  at::Tensor rowwise_swizzled, columnwise_swizzled;
};

/// Allocates both copies' bytes of an [M, K] matrix, without scales.
Quantized allocate(
    const at::Tensor& x,
    abi::ScalingMode mode,
    abi::DType format,
    bool columnwise);

/// Fills a handle with what `quantized` has. @param swizzled use the scales in
/// the order of products
void fill(Handle& handle, const Quantized& quantized, bool swizzled);

/// The tensors of one copy, for Saved, and back.
std::vector<at::Tensor> tensors_of(const Quantized& quantized);
Quantized from_tensors(
    const std::vector<at::Tensor>& tensors,
    abi::ScalingMode mode,
    abi::DType format);

/// A quantizer of one operand of one site (or of one group's input).
class Quantizer {
 public:
  virtual ~Quantizer() = default;

  /// @param x [M, K] bf16, contiguous, rows a multiple of the recipe's
  /// @param columnwise whether the second copy is wanted too
  /// @param record whether the amax enters a history
  virtual Quantized
  quantize(const at::Tensor& x, bool columnwise, bool record) = 0;
  /// Whether equal values give equal bytes at any time: false when a scale
  /// comes from the past.
  virtual bool stateless() const {
    return true;
  }
};

} // namespace octet::te
