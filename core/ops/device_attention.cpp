// Causal attention of packed sequences on a GPU. The flash kernel is called as
// torch.nn.attention.varlen of torch 2.13 calls it: sequences behind one
// another with their boundaries, query heads that share key/value heads.
//
// Shapes: n tokens, t tokens of one sequence, h query heads, g key/value heads,
// d head size.
#include "core/ops/device.h"

#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <limits>

namespace octet {
namespace {

bool fits_flash(const at::Tensor& q) {
  const at::ScalarType dtype = q.scalar_type();
  return q.is_cuda() && (dtype == at::kBFloat16 || dtype == at::kHalf) &&
      q.size(2) % 8 == 0 && q.size(2) <= 256;
}

/// The boundaries as the kernel wants them, and the longest sequence.
struct Borders {
  at::Tensor cu_seqlens;
  int64_t longest = 0;

  Borders(const AttentionShape& shape, const at::Device& device)
      : cu_seqlens(
            at::tensor(shape.cu_seqlens, at::kLong).to(device, at::kInt)) {
    for (size_t i = 0; i + 1 < shape.cu_seqlens.size(); ++i) {
      longest =
          std::max(longest, shape.cu_seqlens[i + 1] - shape.cu_seqlens[i]);
    }
  }
};

/// Keys before the query's own that it sees; -1 = all.
int64_t keys_before(const AttentionShape& shape) {
  return shape.window == 0 ? -1 : shape.window - 1;
}

/// [h or g, t, d] fp32 of one sequence, each key/value head for its queries.
at::Tensor
heads_of(const at::Tensor& x, int64_t begin, int64_t end, int64_t query_heads) {
  const at::Tensor one = x.slice(0, begin, end).to(at::kFloat).transpose(0, 1);
  const int64_t heads = one.size(0);
  return heads == query_heads
      ? one
      : one.unsqueeze(1)
            .expand({heads, query_heads / heads, one.size(1), one.size(2)})
            .reshape({query_heads, one.size(1), one.size(2)});
}

/// softmax(scale q k^T) with what a query does not see left out, [h, t, t].
at::Tensor probabilities(
    const at::Tensor& q,
    const at::Tensor& k,
    const AttentionShape& shape) {
  at::Tensor scores = at::bmm(q, k.transpose(1, 2)).mul_(shape.scale);
  const at::Tensor position =
      at::arange(q.size(1), q.options().dtype(at::kLong));
  const at::Tensor distance = position.unsqueeze(1) - position.unsqueeze(0);
  at::Tensor hidden = distance.lt(0);
  if (shape.window > 0) {
    hidden.bitwise_or_(distance.ge(shape.window));
  }
  scores.masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  return at::softmax(scores, -1);
}

/// The way back into rows begin..end; heads that shared one are summed.
void store(
    const at::Tensor& from,
    const at::Tensor& to,
    int64_t begin,
    int64_t end) {
  const int64_t heads = to.size(1), shared = from.size(0) / heads;
  const at::Tensor summed =
      shared == 1 ? from : from.unflatten(0, {heads, shared}).sum(1);
  to.slice(0, begin, end).copy_(summed.transpose(0, 1));
}

template <typename Body>
void for_sequences(const AttentionShape& shape, const Body& body) {
  for (size_t i = 0; i + 1 < shape.cu_seqlens.size(); ++i) {
    if (shape.cu_seqlens[i + 1] > shape.cu_seqlens[i]) {
      body(shape.cu_seqlens[i], shape.cu_seqlens[i + 1]);
    }
  }
}

class DeviceAttention : public AttentionOp {
 public:
  std::string implementation() const override {
    return "device";
  }

  at::Tensor forward(
      const at::Tensor& q,
      const at::Tensor& k,
      const at::Tensor& v,
      const AttentionShape& shape,
      Saved* saved) override {
    if (fits_flash(q)) {
      const Borders borders(shape, q.device());
      auto [y, lse, random_state, unused, mask] = at::_flash_attention_forward(
          q,
          k,
          v,
          borders.cu_seqlens,
          borders.cu_seqlens,
          borders.longest,
          borders.longest,
          /*dropout_p=*/0,
          /*is_causal=*/true,
          /*return_debug_mask=*/false,
          shape.scale,
          keys_before(shape),
          /*window_size_right=*/0);
      if (saved != nullptr) {
        saved->tensors = {q, k, v, y, lse, random_state};
      }
      return y;
    }
    at::Tensor y = at::empty_like(q, at::MemoryFormat::Contiguous);
    for_sequences(shape, [&](int64_t begin, int64_t end) {
      const at::Tensor p = probabilities(
          heads_of(q, begin, end, q.size(1)),
          heads_of(k, begin, end, q.size(1)),
          shape);
      store(at::bmm(p, heads_of(v, begin, end, q.size(1))), y, begin, end);
    });
    if (saved != nullptr) {
      saved->tensors = {q, k, v};
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
    if (saved.tensors.size() > 3) {
      const Borders borders(shape, q.device());
      auto [grad_q, grad_k, grad_v] = at::_flash_attention_backward(
          grad_y.contiguous(),
          q,
          k,
          v,
          saved.tensors.at(3),
          saved.tensors.at(4),
          borders.cu_seqlens,
          borders.cu_seqlens,
          borders.longest,
          borders.longest,
          /*dropout_p=*/0,
          /*is_causal=*/true,
          saved.tensors.at(5),
          /*unused=*/at::empty({0}, q.options()),
          shape.scale,
          keys_before(shape),
          /*window_size_right=*/0);
      return {grad_q, grad_k, grad_v};
    }
    Grads grads{
        at::empty_like(q, at::MemoryFormat::Contiguous),
        at::empty_like(k, at::MemoryFormat::Contiguous),
        at::empty_like(v, at::MemoryFormat::Contiguous)};
    for_sequences(shape, [&](int64_t begin, int64_t end) {
      const at::Tensor queries = heads_of(q, begin, end, q.size(1));
      const at::Tensor keys = heads_of(k, begin, end, q.size(1));
      const at::Tensor values = heads_of(v, begin, end, q.size(1));
      const at::Tensor grad = heads_of(grad_y, begin, end, q.size(1));
      const at::Tensor p = probabilities(queries, keys, shape);
      store(at::bmm(p.transpose(1, 2), grad), grads.v, begin, end);
      at::Tensor grad_p = at::bmm(grad, values.transpose(1, 2));
      const at::Tensor grad_scores =
          p * (grad_p - (grad_p * p).sum(-1, true)) * shape.scale;
      store(at::bmm(grad_scores, keys), grads.q, begin, end);
      store(at::bmm(grad_scores.transpose(1, 2), queries), grads.k, begin, end);
    });
    return grads;
  }
};

} // namespace

std::shared_ptr<AttentionOp> device_attention() {
  return std::make_shared<DeviceAttention>();
}

} // namespace octet
