// The plain references of the ops: forward and backward written with ATen
// calls on blocks of rows that stay in cache. Everything is computed in fp32,
// whatever the dtype of the tensors, and in an order that depends on shapes
// alone, so the same input gives the same bits.
#pragma once

#include <octet/ops.h>

#include <memory>

namespace octet {

std::shared_ptr<RmsNormOp> reference_rms_norm();
std::shared_ptr<SwigluOp> reference_swiglu();
std::shared_ptr<RopeOp> reference_rope();
std::shared_ptr<AttentionOp> reference_attention();
std::shared_ptr<CrossEntropyOp> reference_cross_entropy();
std::shared_ptr<AdamwOp> reference_adamw();

} // namespace octet
