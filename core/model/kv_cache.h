// Keys and values of one sequence during generation.
// Shapes: g key/value heads, d head size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace octet {

class KvCache {
 public:
  explicit KvCache(int64_t layers) : layers_(static_cast<size_t>(layers)) {}

  /// Tokens whose keys and values every layer has.
  int64_t length() const {
    return length_;
  }
  /// Enters the next tokens of a layer.
  /// @param k,v [t, g, d]
  /// @returns keys and values of all tokens so far, [length + t, g, d]
  std::pair<at::Tensor, at::Tensor>
  append(int64_t layer, const at::Tensor& k, const at::Tensor& v);
  /// To be called when all layers have the next `tokens`.
  void advance(int64_t tokens) {
    length_ += tokens;
  }

 private:
  struct Layer {
    at::Tensor k, v;
  };
  std::vector<Layer> layers_;
  int64_t length_ = 0;
};

} // namespace octet
