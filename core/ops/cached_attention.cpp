// One call of ATen's flash kernel; a mask only when neither "all keys" nor
// plain causal masking describes what the tokens see.
#include "core/ops/cached_attention.h"

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>

#include <limits>
#include <optional>

namespace octet {
namespace {

at::Tensor heads_first(const at::Tensor& x) {
  return x.to(at::kFloat).transpose(0, 1).unsqueeze(0);
}

/// fp32 [tokens, keys]
at::Tensor mask_of(int64_t tokens, int64_t keys, int64_t window) {
  const at::Tensor query =
      at::arange(keys - tokens, keys, at::kLong).unsqueeze(1);
  const at::Tensor distance = query - at::arange(keys, at::kLong).unsqueeze(0);
  at::Tensor hidden = distance.lt(0);
  if (window > 0) {
    hidden.logical_or_(distance.ge(window));
  }
  return at::zeros({tokens, keys}, at::kFloat)
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

} // namespace

at::Tensor cached_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    double scale,
    int64_t window) {
  const int64_t tokens = q.size(0);
  // Keys that no query sees are left out.
  const int64_t reach = window > 0 ? window + tokens - 1 : k.size(0);
  const int64_t first = std::max<int64_t>(0, k.size(0) - reach);
  const int64_t keys = k.size(0) - first;
  const bool all = tokens == 1;
  const bool causal = !all && tokens == keys && (window == 0 || keys <= window);
  std::optional<at::Tensor> mask;
  if (!all && !causal) {
    mask = mask_of(tokens, keys, window);
  }
  const at::Tensor y =
      std::get<0>(at::_scaled_dot_product_flash_attention_for_cpu(
          heads_first(q),
          heads_first(k.slice(0, first)),
          heads_first(v.slice(0, first)),
          /*dropout_p=*/0,
          causal,
          mask,
          scale));
  return y.squeeze(0).transpose(0, 1).to(q.scalar_type()).contiguous();
}

} // namespace octet
