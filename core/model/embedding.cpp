// Only the rows of the tokens at hand are touched or converted.
#include "core/model/embedding.h"

#include <ATen/TensorOperators.h>

namespace octet {

at::Tensor Embedding::forward(const at::Tensor& tokens, at::ScalarType dtype)
    const {
  return weight_.stored().index_select(0, tokens).to(dtype);
}

void Embedding::backward(const at::Tensor& tokens, const at::Tensor& grad) {
  at::Tensor sum = weight_.gradient();
  if (!sum.defined()) {
    return;
  }
  at::Tensor rows = grad.to(sum.scalar_type());
  if (padding_) {
    rows = rows * tokens.ne(*padding_).unsqueeze(1);
  }
  sum.index_add_(0, tokens, rows);
}

} // namespace octet
