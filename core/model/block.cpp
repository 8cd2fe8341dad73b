// The hand-written forward and backward of one layer. What backward needs is
// kept in BlockSaved and freed as soon as it was used.
#include "core/model/block.h"

#include "core/ops/cached_attention.h"

#include <ATen/TensorOperators.h>

#include <cmath>

namespace octet {
namespace {

Saved* part(BlockSaved* saved, Saved BlockSaved::*member) {
  return saved != nullptr ? &(saved->*member) : nullptr;
}

SiteSaved* part(BlockSaved* saved, SiteSaved BlockSaved::*member) {
  return saved != nullptr ? &(saved->*member) : nullptr;
}

std::string tensor_name(int64_t layer, const std::string& rest) {
  return "model.layers." + std::to_string(layer) + "." + rest + ".weight";
}

} // namespace

Block::Block(
    int64_t layer,
    const ModelSpec& spec,
    BaseWeights& weights,
    const BlockSites& sites,
    OpTable& ops)
    : layer_(layer),
      head_size_(spec.head_size),
      window_(
          spec.windows.empty() ? 0
                               : spec.windows.at(static_cast<size_t>(layer))),
      eps_(spec.rms_norm_eps),
      sites_(sites),
      attention_norm_(weights.at(tensor_name(layer, "input_layernorm"))),
      mlp_norm_(weights.at(tensor_name(layer, "post_attention_layernorm"))),
      ops_(ops) {
  if (spec.qk_norm) {
    q_norm_ = &weights.at(tensor_name(layer, "self_attn.q_norm"));
    k_norm_ = &weights.at(tensor_name(layer, "self_attn.k_norm"));
  }
}

at::Tensor Block::forward(
    const at::Tensor& x,
    const Packing& packing,
    const StepContext& context,
    BlockSaved* saved) {
  const Heads heads = project(x, packing.rope, packing.tokens, context, saved);
  const at::Tensor attended = ops_.attention().forward(
      heads.q,
      heads.k,
      heads.v,
      attention_shape(packing),
      part(saved, &BlockSaved::attention));
  at::Tensor middle = sites_.o->forward(
      {attended.flatten(1)},
      packing.tokens,
      context,
      part(saved, &BlockSaved::o));
  middle.add_(x);
  return mlp(middle, packing.tokens, context, saved);
}

at::Tensor Block::backward(
    at::Tensor grad,
    const Packing& packing,
    const StepContext& context,
    BlockSaved& saved) {
  mlp_backward(grad, context, saved);
  attention_backward(grad, packing, context, saved);
  return grad;
}

at::Tensor Block::extend(
    const at::Tensor& x,
    const RopeTable& rope,
    KvCache& cache,
    const StepContext& context) {
  const int64_t tokens = x.size(0);
  const Heads heads = project(x, rope, tokens, context, nullptr);
  const auto [k, v] = cache.append(layer_, heads.k, heads.v);
  const at::Tensor attended = cached_attention(
      heads.q, k, v, 1 / std::sqrt(double(head_size_)), window_);
  at::Tensor middle =
      sites_.o->forward({attended.flatten(1)}, tokens, context, nullptr);
  middle.add_(x);
  return mlp(middle, tokens, context, nullptr);
}

/// Norm, the three projections, the norms of heads, rotation.
Block::Heads Block::project(
    const at::Tensor& x,
    const RopeTable& rope,
    int64_t tokens,
    const StepContext& context,
    BlockSaved* saved) {
  const at::ScalarType dtype = x.scalar_type();
  const Activation input{ops_.rms_norm().forward(
      x,
      attention_norm_.materialize(dtype),
      eps_,
      part(saved, &BlockSaved::attention_norm))};
  const auto heads = [&](LinearSite& site, SiteSaved BlockSaved::*member) {
    return site.forward(input, tokens, context, part(saved, member))
        .unflatten(1, {-1, head_size_});
  };
  at::Tensor q = heads(*sites_.q, &BlockSaved::q);
  at::Tensor k = heads(*sites_.k, &BlockSaved::k);
  at::Tensor v = heads(*sites_.v, &BlockSaved::v);
  if (q_norm_ != nullptr) {
    q = ops_.rms_norm().forward(
        q, q_norm_->materialize(dtype), eps_, part(saved, &BlockSaved::q_norm));
    k = ops_.rms_norm().forward(
        k, k_norm_->materialize(dtype), eps_, part(saved, &BlockSaved::k_norm));
  }
  q = ops_.rope().apply(q, rope.cos, rope.sin, /*inverse=*/false);
  k = ops_.rope().apply(k, rope.cos, rope.sin, /*inverse=*/false);
  return {std::move(q), std::move(k), std::move(v)};
}

at::Tensor Block::mlp(
    const at::Tensor& x,
    int64_t tokens,
    const StepContext& context,
    BlockSaved* saved) {
  const Activation input{ops_.rms_norm().forward(
      x,
      mlp_norm_.materialize(x.scalar_type()),
      eps_,
      part(saved, &BlockSaved::mlp_norm))};
  at::Tensor gate = sites_.gate->forward(
      input, tokens, context, part(saved, &BlockSaved::gate));
  at::Tensor up =
      sites_.up->forward(input, tokens, context, part(saved, &BlockSaved::up));
  const Activation hidden{
      ops_.swiglu().forward(gate, up, part(saved, &BlockSaved::swiglu))};
  at::Tensor y = sites_.down->forward(
      hidden, tokens, context, part(saved, &BlockSaved::down));
  return y.add_(x);
}

void Block::mlp_backward(
    at::Tensor& grad,
    const StepContext& context,
    BlockSaved& saved) {
  at::Tensor grad_hidden;
  sites_.down->backward(grad, saved.down, context, grad_hidden);
  auto [grad_gate, grad_up] = ops_.swiglu().backward(grad_hidden, saved.swiglu);
  saved.swiglu.clear();
  grad_hidden.reset();
  at::Tensor grad_input;
  sites_.gate->backward(grad_gate, saved.gate, context, grad_input);
  grad_gate.reset();
  sites_.up->backward(grad_up, saved.up, context, grad_input);
  grad_up.reset();
  grad.add_(ops_.rms_norm().backward(
      grad_input,
      saved.mlp_norm,
      mlp_norm_.materialize(grad.scalar_type()),
      mlp_norm_.gradient()));
  saved.mlp_norm.clear();
}

void Block::attention_backward(
    at::Tensor& grad,
    const Packing& packing,
    const StepContext& context,
    BlockSaved& saved) {
  const at::ScalarType dtype = grad.scalar_type();
  at::Tensor grad_attended;
  sites_.o->backward(grad, saved.o, context, grad_attended);
  AttentionOp::Grads heads = ops_.attention().backward(
      grad_attended.unflatten(1, {-1, head_size_}),
      saved.attention,
      attention_shape(packing));
  saved.attention.clear();
  grad_attended.reset();
  const RopeTable& rope = packing.rope;
  heads.q = ops_.rope().apply(heads.q, rope.cos, rope.sin, /*inverse=*/true);
  heads.k = ops_.rope().apply(heads.k, rope.cos, rope.sin, /*inverse=*/true);
  if (q_norm_ != nullptr) {
    heads.q = ops_.rms_norm().backward(
        heads.q,
        saved.q_norm,
        q_norm_->materialize(dtype),
        q_norm_->gradient());
    heads.k = ops_.rms_norm().backward(
        heads.k,
        saved.k_norm,
        k_norm_->materialize(dtype),
        k_norm_->gradient());
    saved.q_norm.clear();
    saved.k_norm.clear();
  }
  at::Tensor grad_input;
  sites_.q->backward(heads.q.flatten(1), saved.q, context, grad_input);
  sites_.k->backward(heads.k.flatten(1), saved.k, context, grad_input);
  sites_.v->backward(heads.v.flatten(1), saved.v, context, grad_input);
  grad.add_(ops_.rms_norm().backward(
      grad_input,
      saved.attention_norm,
      attention_norm_.materialize(dtype),
      attention_norm_.gradient()));
  saved.attention_norm.clear();
}

AttentionShape Block::attention_shape(const Packing& packing) const {
  return {packing.cu_seqlens, 1 / std::sqrt(double(head_size_)), window_};
}

} // namespace octet
