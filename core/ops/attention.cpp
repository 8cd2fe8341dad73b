// Causal attention of packed sequences: one call of ATen's flash kernel a
// sequence, so no sequence can see another and nothing is padded. The kernel
// takes fewer key/value heads than query heads as they are.
//
// 16-bit tensors are widened to fp32 a sequence at a time: the 16-bit backward
// of the kernel sums gradients in 16 bits, and is slow without 16-bit FMAs.
#include "core/ops/reference.h"

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>

#include <limits>
#include <optional>

namespace octet {
namespace {

/// [n, h, d] rows begin..end as fp32 [1, h, t, d].
at::Tensor segment(const at::Tensor& x, int64_t begin, int64_t end) {
  return x.slice(0, begin, end).to(at::kFloat).transpose(0, 1).unsqueeze(0);
}

/// The way back, into rows begin..end of `to`.
void store(const at::Tensor& from, at::Tensor& to, int64_t begin, int64_t end) {
  to.slice(0, begin, end).copy_(from.squeeze(0).transpose(0, 1));
}

/// 0 where a query sees a key, -inf elsewhere; nothing when plain causal
/// masking does it.
std::optional<at::Tensor> window_mask(int64_t length, int64_t window) {
  if (window == 0 || length <= window) {
    return std::nullopt;
  }
  const at::Tensor position = at::arange(length, at::kLong);
  const at::Tensor distance = position.unsqueeze(1) - position.unsqueeze(0);
  const at::Tensor hidden = distance.lt(0).logical_or_(distance.ge(window));
  return at::zeros({length, length}, at::kFloat)
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

class ReferenceAttention : public AttentionOp {
 public:
  std::string implementation() const override {
    return "reference";
  }

  at::Tensor forward(
      const at::Tensor& q,
      const at::Tensor& k,
      const at::Tensor& v,
      const AttentionShape& shape,
      Saved* saved) override {
    at::Tensor y = at::empty_like(q, at::MemoryFormat::Contiguous);
    if (saved != nullptr) {
      saved->tensors = {q, k, v, y};
    }
    for (size_t i = 0; i + 1 < shape.cu_seqlens.size(); ++i) {
      const int64_t begin = shape.cu_seqlens[i];
      const int64_t end = shape.cu_seqlens[i + 1];
      const auto mask = window_mask(end - begin, shape.window);
      const auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(
          segment(q, begin, end),
          segment(k, begin, end),
          segment(v, begin, end),
          /*dropout_p=*/0,
          /*is_causal=*/!mask.has_value(),
          mask,
          shape.scale);
      store(out, y, begin, end);
      if (saved != nullptr) {
        saved->tensors.push_back(lse);
      }
    }
    return y;
  }

  Grads backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const AttentionShape& shape) override {
    const at::Tensor& q = saved.tensors.at(0);
    const at::Tensor& k = saved.tensors.at(1);
    const at::Tensor& v = saved.tensors.at(2);
    const at::Tensor& y = saved.tensors.at(3);
    Grads grads{
        at::empty_like(q, at::MemoryFormat::Contiguous),
        at::empty_like(k, at::MemoryFormat::Contiguous),
        at::empty_like(v, at::MemoryFormat::Contiguous)};
    for (size_t i = 0; i + 1 < shape.cu_seqlens.size(); ++i) {
      const int64_t begin = shape.cu_seqlens[i];
      const int64_t end = shape.cu_seqlens[i + 1];
      const auto mask = window_mask(end - begin, shape.window);
      const auto [gq, gk, gv] =
          at::_scaled_dot_product_flash_attention_for_cpu_backward(
              segment(grad_y, begin, end),
              segment(q, begin, end),
              segment(k, begin, end),
              segment(v, begin, end),
              segment(y, begin, end),
              saved.tensors.at(4 + i),
              /*dropout_p=*/0,
              /*is_causal=*/!mask.has_value(),
              mask,
              shape.scale);
      store(gq, grads.q, begin, end);
      store(gk, grads.k, begin, end);
      store(gv, grads.v, begin, end);
    }
    return grads;
  }
};

} // namespace

std::shared_ptr<AttentionOp> reference_attention() {
  return std::make_shared<ReferenceAttention>();
}

} // namespace octet
