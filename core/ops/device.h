// The ops for a GPU: the same arithmetic as the references, with one ATen call
// on whole tensors where those go over blocks of rows, since a GPU wants few
// large kernels. They run on any device, and the tests compare them with the
// references on the CPU; only attention has a part that a CPU lacks.
//
// Not run on hardware yet.
#pragma once

#include <octet/ops.h>

#include <memory>

namespace octet {

std::shared_ptr<RmsNormOp> device_rms_norm();
/// Rounds silu(gate) to the tensors' dtype before the product, as transformers
/// does; the reference rounds once.
std::shared_ptr<SwigluOp> device_swiglu();
std::shared_ptr<RopeOp> device_rope();
/// 16-bit tensors on a GPU take LibTorch's flash kernel for sequences behind
/// one another; everything else plain products with the whole [h, t, t] matrix
/// of one sequence at a time.
std::shared_ptr<AttentionOp> device_attention();
std::shared_ptr<CrossEntropyOp> device_cross_entropy();
std::shared_ptr<AdamwOp> device_adamw();

} // namespace octet
