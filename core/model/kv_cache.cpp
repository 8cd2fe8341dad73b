// Storage doubles when it is full, so a token costs constant time.
#include "core/model/kv_cache.h"

#include <ATen/ops/empty.h>
#include <ATen/TensorOperators.h>

#include <algorithm>

namespace octet {
namespace {

void append_rows(at::Tensor& all, const at::Tensor& rows, int64_t length) {
  const int64_t needed = length + rows.size(0);
  if (!all.defined() || all.size(0) < needed) {
    const int64_t capacity =
        std::max<int64_t>({needed, 2 * length, int64_t{64}});
    at::Tensor grown =
        at::empty({capacity, rows.size(1), rows.size(2)}, rows.options());
    if (length > 0) {
      grown.slice(0, 0, length).copy_(all.slice(0, 0, length));
    }
    all = grown;
  }
  all.slice(0, length, needed).copy_(rows);
}

} // namespace

std::pair<at::Tensor, at::Tensor>
KvCache::append(int64_t layer, const at::Tensor& k, const at::Tensor& v) {
  Layer& cached = layers_.at(static_cast<size_t>(layer));
  append_rows(cached.k, k, length_);
  append_rows(cached.v, v, length_);
  const int64_t total = length_ + k.size(0);
  return {cached.k.slice(0, 0, total), cached.v.slice(0, 0, total)};
}

} // namespace octet
