// One decoder layer: attention and MLP with their norms, forward and backward.
// Shapes: n rows, c hidden size, h heads, g key/value heads, d head size.
#pragma once

#include "core/model/kv_cache.h"
#include "core/model/linear_site.h"
#include "core/model/rope_tables.h"
#include "core/ops/op_table.h"
#include "core/spec/model_spec.h"

#include <functional>
#include <vector>

namespace octet {

/// How the tokens of a microbatch lie: their rotary angles and the borders of
/// their sequences.
struct Packing {
  RopeTable rope;
  /// The last of them may be of rows that fill the batch up.
  std::vector<int64_t> cu_seqlens;
  /// Rows without those.
  int64_t tokens;
};

/// What a block keeps between forward and backward.
struct BlockSaved {
  Saved attention_norm, q_norm, k_norm, attention, mlp_norm, swiglu;
  SiteSaved q, k, v, o, gate, up, down;
};

/// The sites of a block; owned by the decoder.
struct BlockSites {
  LinearSite *q, *k, *v, *o, *gate, *up, *down;
};

class Block {
 public:
  Block(
      int64_t layer,
      const ModelSpec& spec,
      BaseWeights& weights,
      const BlockSites& sites,
      OpTable& ops);

  /// @param x [n, c], left as it is  @param saved null when no backward
  /// follows  @returns [n, c]
  at::Tensor forward(
      const at::Tensor& x,
      const Packing& packing,
      const StepContext& context,
      BlockSaved* saved);
  /// Frees `saved` as it goes.
  /// @param grad [n, c], changed in place  @returns the gradient of x
  at::Tensor backward(
      at::Tensor grad,
      const Packing& packing,
      const StepContext& context,
      BlockSaved& saved);
  /// The newest tokens of one sequence; `cache` gets their keys and values.
  at::Tensor extend(
      const at::Tensor& x,
      const RopeTable& rope,
      KvCache& cache,
      const StepContext& context);

 private:
  struct Heads {
    at::Tensor q, k, v;
  };
  Heads project(
      const at::Tensor& x,
      const RopeTable& rope,
      int64_t tokens,
      const StepContext& context,
      BlockSaved* saved);
  at::Tensor mlp(
      const at::Tensor& x,
      int64_t tokens,
      const StepContext& context,
      BlockSaved* saved);
  void
  mlp_backward(at::Tensor& grad, const StepContext& context, BlockSaved& saved);
  void attention_backward(
      at::Tensor& grad,
      const Packing& packing,
      const StepContext& context,
      BlockSaved& saved);
  AttentionShape attention_shape(const Packing& packing) const;

  int64_t layer_;
  int64_t head_size_;
  int64_t window_;
  double eps_;
  BlockSites sites_;
  BaseTensor &attention_norm_, &mlp_norm_;
  /// Null unless the model normalizes the heads of q and k.
  BaseTensor *q_norm_ = nullptr, *k_norm_ = nullptr;
  OpTable& ops_;
};

} // namespace octet
