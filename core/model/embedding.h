// Token embedding: rows of a table, and the sum of gradients into them.
#pragma once

#include "core/model/base_weights.h"

#include <optional>

namespace octet {

class Embedding {
 public:
  /// @param padding a token whose row gets no gradient from here, as in
  /// transformers (torch's padding_idx)
  Embedding(BaseTensor& weight, std::optional<int64_t> padding)
      : weight_(weight), padding_(padding) {}

  /// @param tokens int64 [n]  @returns [n, c] in `dtype`
  at::Tensor forward(const at::Tensor& tokens, at::ScalarType dtype) const;
  /// @param grad [n, c]
  void backward(const at::Tensor& tokens, const at::Tensor& grad);

 private:
  BaseTensor& weight_;
  std::optional<int64_t> padding_;
};

} // namespace octet
