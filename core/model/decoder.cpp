// The story of a microbatch: embed, blocks, head with loss, and back. Saved
// activations of a block are freed as its backward passes.
#include "core/model/decoder.h"

#include "core/base/problems.h"
#include "core/model/block.h"
#include "core/model/editor.h"
#include "core/model/embedding.h"
#include "core/model/head.h"
#include "core/model/kv_cache.h"
#include "core/model/linear_site.h"
#include "core/model/rope_tables.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/tensor.h>
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace octet {
namespace {

/// Name of a site's bias: its weight's name with the other ending.
std::string bias_name(const Site& site) {
  return site.name + ".bias";
}

void check_batch(const Microbatch& batch, int64_t vocab_size) {
  const size_t n = batch.tokens.size();
  if (batch.targets.size() != n || batch.positions.size() != n ||
      batch.cu_seqlens.size() < 2 || batch.cu_seqlens.front() != 0 ||
      batch.cu_seqlens.back() != static_cast<int64_t>(n) ||
      !std::is_sorted(batch.cu_seqlens.begin(), batch.cu_seqlens.end())) {
    throw Error(
        "model",
        fmt::format(
            "a microbatch needs one target and position a token and borders "
            "from 0 to the number of tokens, got {} tokens, {} targets, {} "
            "positions, {} borders",
            n,
            batch.targets.size(),
            batch.positions.size(),
            batch.cu_seqlens.size()));
  }
  const auto outside = [&](int64_t token) {
    return token < 0 || token >= vocab_size;
  };
  for (size_t i = 0; i < n; ++i) {
    const int64_t target = batch.targets[i];
    if (outside(batch.tokens[i]) ||
        (target != kIgnoreTarget && outside(target))) {
      throw Error(
          "model",
          fmt::format(
              "expected token ids in [0, {}), got token {} with target {} at "
              "position {}; do tokenizer and model belong together?",
              vocab_size,
              batch.tokens[i],
              target,
              i));
    }
  }
}

/// What the blocks and the head see of a microbatch: everything but the tokens,
/// with zero rows behind the last one up to a multiple of `multiple`.
struct Layout {
  std::vector<int64_t> positions, targets, cu_seqlens;
  int64_t tokens;

  Layout(const Microbatch& batch, int64_t multiple)
      : positions(batch.positions),
        targets(batch.targets),
        cu_seqlens(batch.cu_seqlens),
        tokens(static_cast<int64_t>(batch.tokens.size())) {
    const int64_t all = (tokens + multiple - 1) / multiple * multiple;
    if (all == tokens) {
      return;
    }
    for (int64_t i = 0; i < all - tokens; ++i) {
      positions.push_back(i);
    }
    targets.resize(static_cast<size_t>(all), kIgnoreTarget);
    cu_seqlens.push_back(all);
  }

  int64_t rows() const {
    return cu_seqlens.back();
  }
};

} // namespace

struct Decoder::Impl {
  ModelSpec spec;
  DecoderOptions options;
  std::vector<Site> sites;
  OpTable ops;
  BaseWeights weights;
  /// In model order.
  std::vector<std::unique_ptr<LinearSite>> linear_sites;
  std::map<std::string, LinearSite*> site_by_name;
  std::unique_ptr<Embedding> embedding;
  std::vector<Block> blocks;
  std::unique_ptr<Head> head;
  RopeFrequencies rope;
  std::vector<std::unique_ptr<Parameter>> added_parameters;
  std::vector<std::function<void(const StepReport&)>> step_hooks;

  Impl(ModelSpec model, const WeightSet& set, const DecoderOptions& given)
      : spec(std::move(model)),
        options(given),
        sites(spec.sites()),
        ops(options.device),
        weights(
            spec,
            set,
            options.compute_dtype,
            options.train_base,
            options.device),
        rope(spec, options.device) {
    for (const Site& site : sites) {
      BaseTensor& weight = weights.at(site.weight);
      if (site.kind == SiteKind::embedding) {
        embedding = std::make_unique<Embedding>(weight, spec.pad_token);
        continue;
      }
      BaseTensor* bias = site.has_bias ? &weights.at(bias_name(site)) : nullptr;
      linear_sites.push_back(std::make_unique<LinearSite>(site, weight, bias));
      site_by_name[site.name] = linear_sites.back().get();
    }
    for (int64_t layer = 0; layer < spec.layers; ++layer) {
      const auto site = [&](const char* rest) {
        return site_by_name.at(fmt::format("model.layers.{}.{}", layer, rest));
      };
      blocks.emplace_back(
          layer,
          spec,
          weights,
          BlockSites{
              site("self_attn.q_proj"),
              site("self_attn.k_proj"),
              site("self_attn.v_proj"),
              site("self_attn.o_proj"),
              site("mlp.gate_proj"),
              site("mlp.up_proj"),
              site("mlp.down_proj")},
          ops);
    }
    head = std::make_unique<Head>(
        *site_by_name.at("lm_head"),
        weights.at("model.norm.weight"),
        spec.rms_norm_eps,
        head_chunk_rows(spec.vocab_size, options.head_chunk_bytes),
        ops);
  }

  at::Tensor ids(const std::vector<int64_t>& tokens) const {
    return at::tensor(tokens, at::kLong).to(options.device);
  }

  Packing packing(const Layout& layout) const {
    return {rope.table(layout.positions), layout.cu_seqlens, layout.tokens};
  }

  /// @returns [rows of the layout, c]
  at::Tensor embed(const at::Tensor& tokens, const Layout& layout) const {
    const at::Tensor x = embedding->forward(tokens, options.compute_dtype);
    const int64_t added = layout.rows() - x.size(0);
    return added == 0 ? x : at::constant_pad_nd(x, {0, 0, 0, added});
  }

  /// Output of the last block, nothing kept.
  at::Tensor forward(
      const Microbatch& batch,
      const Layout& layout,
      const StepContext& context) {
    check_batch(batch, spec.vocab_size);
    const Packing packed = packing(layout);
    at::Tensor x = embed(ids(batch.tokens), layout);
    for (Block& block : blocks) {
      x = block.forward(x, packed, context, nullptr);
    }
    return x;
  }
};

Decoder::Decoder(
    ModelSpec spec,
    const WeightSet& weights,
    const DecoderOptions& options)
    : impl_(std::make_unique<Impl>(std::move(spec), weights, options)) {}

Decoder::~Decoder() = default;

const ModelSpec& Decoder::spec() const {
  return impl_->spec;
}

OpTable& Decoder::ops() {
  return impl_->ops;
}

std::vector<LedgerEntry> Decoder::use_backend(
    const std::string& name,
    PrecisionBackend& backend,
    const Plan& plan) {
  std::vector<LedgerEntry> ledger;
  for (const SitePlan& planned : plan.sites) {
    for (const Placement& placement : planned.placements) {
      if (placement.plugin != name || placement.slot != "gemm") {
        continue;
      }
      const auto site = impl_->site_by_name.find(planned.site.name);
      if (site == impl_->site_by_name.end()) {
        throw Error(
            "model",
            fmt::format(
                "the plan gives the gemm of {} to {}, but the model has no "
                "such linear layer",
                planned.site.name,
                name));
      }
      std::unique_ptr<Gemm> gemm = backend.make_gemm(planned.site);
      if (gemm == nullptr) {
        throw Failure(
            ExitCode::resolution,
            "verify",
            fmt::format(
                "{} accepted {}, but made no gemm for it; tell its author",
                name,
                planned.site.name));
      }
      site->second->set_gemm(std::move(gemm), name);
      ledger.push_back({name, planned.site.name, "gemm"});
    }
  }
  return ledger;
}

std::unique_ptr<ModelEditor> Decoder::editor(
    const std::string& feature,
    const Plan& plan,
    std::vector<LedgerEntry>& ledger) {
  return make_editor(
      feature,
      plan,
      {impl_->sites,
       impl_->site_by_name,
       impl_->ops,
       impl_->added_parameters,
       impl_->step_hooks,
       impl_->options.compute_dtype,
       impl_->options.device,
       impl_->options.seed},
      ledger);
}

std::vector<Parameter*> Decoder::parameters() {
  std::vector<Parameter*> all;
  for (const std::string& name : impl_->weights.names()) {
    BaseTensor& tensor = impl_->weights.at(name);
    if (!tensor.frozen()) {
      all.push_back(&tensor.parameter());
    }
  }
  for (const auto& parameter : impl_->added_parameters) {
    all.push_back(parameter.get());
  }
  return all;
}

LossSum Decoder::train_microbatch(
    const Microbatch& batch,
    const StepContext& context,
    double grad_scale) {
  const at::NoGradGuard no_grad;
  check_batch(batch, impl_->spec.vocab_size);
  const at::Tensor tokens = impl_->ids(batch.tokens);
  const Layout layout(batch, impl_->options.row_multiple);
  const Packing packing = impl_->packing(layout);
  const bool checkpointing = impl_->options.activation_checkpointing;
  std::vector<Block>& blocks = impl_->blocks;

  at::Tensor x = impl_->embed(tokens, layout);
  std::vector<BlockSaved> saved(blocks.size());
  std::vector<at::Tensor> inputs(blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (checkpointing) {
      inputs[i] = x;
    }
    x = blocks[i].forward(
        x, packing, context, checkpointing ? nullptr : &saved[i]);
  }
  Head::Result head = impl_->head->loss(
      x, layout.targets, context, /*want_grad=*/true, grad_scale);
  x.reset();
  at::Tensor grad = std::move(head.grad_x);
  StepContext again = context;
  again.recompute = true;
  // Its casts are those of the first forward, which were measured.
  again.watch = false;
  for (size_t i = blocks.size(); i-- > 0;) {
    if (checkpointing) {
      blocks[i].forward(inputs[i], packing, again, &saved[i]);
      inputs[i].reset();
    }
    grad = blocks[i].backward(std::move(grad), packing, context, saved[i]);
    saved[i] = {};
  }
  impl_->embedding->backward(tokens, grad.slice(0, 0, tokens.size(0)));
  return {head.loss, head.targets};
}

LossSum Decoder::evaluate(const Microbatch& batch, const StepContext& context) {
  const at::NoGradGuard no_grad;
  const Layout layout(batch, impl_->options.row_multiple);
  const Head::Result head = impl_->head->loss(
      impl_->forward(batch, layout, context),
      layout.targets,
      context,
      /*want_grad=*/false,
      /*grad_scale=*/0);
  return {head.loss, head.targets};
}

at::Tensor Decoder::logits(
    const Microbatch& batch,
    const StepContext& context) {
  const at::NoGradGuard no_grad;
  const Layout layout(batch, /*multiple=*/1);
  return impl_->head->logits(impl_->forward(batch, layout, context), context);
}

at::Tensor Decoder::extend(
    const std::vector<int32_t>& tokens,
    KvCache& cache,
    const StepContext& context) {
  const at::NoGradGuard no_grad;
  Microbatch batch;
  batch.tokens.assign(tokens.begin(), tokens.end());
  batch.targets.assign(tokens.size(), kIgnoreTarget);
  batch.positions.resize(tokens.size());
  std::iota(batch.positions.begin(), batch.positions.end(), cache.length());
  batch.cu_seqlens = {0, static_cast<int64_t>(tokens.size())};
  check_batch(batch, impl_->spec.vocab_size);
  const RopeTable rope = impl_->rope.table(batch.positions);
  at::Tensor x = impl_->embedding->forward(
      impl_->ids(batch.tokens), impl_->options.compute_dtype);
  for (Block& block : impl_->blocks) {
    x = block.extend(x, rope, cache, context);
  }
  cache.advance(x.size(0));
  return impl_->head->logits(x.slice(0, x.size(0) - 1), context)
      .squeeze(0)
      .to(at::kFloat);
}

std::unique_ptr<KvCache> Decoder::new_cache() const {
  if (!impl_->options.device.is_cpu()) {
    throw Error(
        "model",
        "expected a model on the CPU for generation, found it on " +
            impl_->options.device.str() + "; use trainer generate");
  }
  return std::make_unique<KvCache>(impl_->spec.layers);
}

std::map<std::string, CallCount> Decoder::call_counts() const {
  std::map<std::string, CallCount> counts;
  for (const auto& site : impl_->linear_sites) {
    counts[site->site().name] = site->calls();
  }
  return counts;
}

void Decoder::reset_call_counts() {
  for (const auto& site : impl_->linear_sites) {
    site->reset_calls();
  }
}

void Decoder::run_step_hooks(const StepReport& report) {
  for (const auto& hook : impl_->step_hooks) {
    hook(report);
  }
}

void Decoder::export_tensors(
    bool merge_adapters,
    const std::function<void(const std::string&, const at::Tensor&)>& sink)
    const {
  const at::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> deltas;
  for (const auto& site : impl_->linear_sites) {
    const at::Tensor delta = merge_adapters ? site->delta() : at::Tensor();
    if (!delta.defined()) {
      continue;
    }
    const std::string& weight = site->site().weight;
    if (weight != site->site().name + ".weight") {
      throw Error(
          "model",
          fmt::format(
              "cannot merge the adapter of {}: its weight is {}, which another "
              "layer uses too; keep the adapter separate, or train it without "
              "this target",
              site->site().name,
              weight));
    }
    deltas[weight] = delta;
  }
  for (const std::string& name : impl_->weights.names()) {
    const at::Tensor& stored = impl_->weights.at(name).stored();
    const auto delta = deltas.find(name);
    sink(
        name,
        delta == deltas.end() ? stored : stored.to(at::kFloat) + delta->second);
  }
}

std::vector<SiteCasts> Decoder::cast_statistics() const {
  std::vector<SiteCasts> all;
  for (const auto& site : impl_->linear_sites) {
    if (!site->gemm_plugin().empty()) {
      all.push_back({site->site().name, site->gemm().statistics()});
    }
  }
  return all;
}

std::string Decoder::gemm_plugin(const std::string& site) const {
  const auto found = impl_->site_by_name.find(site);
  return found == impl_->site_by_name.end() ? "" : found->second->gemm_plugin();
}

State Decoder::backend_state() const {
  State all;
  for (const auto& site : impl_->linear_sites) {
    for (const auto& [name, value] : site->gemm().state()) {
      all.emplace_back(site->site().name + "/" + name, value);
    }
  }
  return all;
}

void Decoder::load_backend_state(const State& state) {
  std::map<std::string, State> by_site;
  for (const auto& [name, value] : state) {
    const size_t slash = name.find('/');
    const std::string site = name.substr(0, slash);
    if (slash == std::string::npos || !impl_->site_by_name.contains(site)) {
      throw Error(
          "model",
          "the checkpoint has backend state for " + name +
              ", which is not a linear layer of this model");
    }
    by_site[site].emplace_back(name.substr(slash + 1), value);
  }
  for (const auto& [site, values] : by_site) {
    impl_->site_by_name.at(site)->gemm().load(values);
  }
}

} // namespace octet
