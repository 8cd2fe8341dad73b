// What a call needs from the device that its tensors lie on. Works without
// CUDA headers and without linking LibTorch's CUDA library: c10 asks whichever
// device implementation the process has loaded.
#pragma once

#include "bindings.h"

#include <ATen/core/Tensor.h>

namespace octet::te {

/// LibTorch's current stream of a CUDA device as a cudaStream_t; null on the
/// CPU, where only a test double computes.
abi::Stream current_stream(const at::Device& device);

/// The scratch memory of cuBLAS: 32 MiB and a bit on the GPUs that Transformer
/// Engine gives it to (compute capability 9.0), else 4 MiB.
at::Tensor make_workspace(const at::Device& device, unsigned capability);

} // namespace octet::te
