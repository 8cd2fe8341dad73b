// A precision backend that computes plainly and writes down every call with its
// StepContext. Its Gemms have a state (calls in training) and statistics of
// casts that are made up.
#pragma once

#include "core/resolve/plan.h"

#include <octet/precision.h>

#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/TensorOperators.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace octet::testing {

struct Call {
  /// "forward", "backward", "end_microbatch", "end_step"
  std::string what;
  /// Of the Gemm; empty for the backend's own.
  std::string site;
  StepContext context;
  /// Whether a forward had to keep something for a backward.
  bool saves = false;
  /// The input or the gradient of the output.
  at::Tensor read = {};
};

class RecordingGemm : public Gemm {
 public:
  RecordingGemm(Site site, std::vector<Call>& calls, bool casts)
      : site_(std::move(site)), calls_(calls), casts_(casts) {}

  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext& context,
      Saved* saved) override {
    calls_.push_back(
        {"forward", site_.name, context, saved != nullptr, x.value});
    if (context.training && !context.recompute) {
      ++trained_;
    }
    watched_ = watched_ || context.watch;
    if (saved != nullptr) {
      saved->tensors = {x.value};
    }
    return at::linear(x.value, w.materialize(x.value.scalar_type()));
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext& context,
      const GradRequest& want) override {
    calls_.push_back({"backward", site_.name, context, false, grad_y});
    if (want.weight.defined()) {
      want.weight.add_(at::mm(grad_y.t(), saved.tensors.at(0)));
    }
    return want.input ? at::mm(grad_y, w.materialize(grad_y.scalar_type()))
                      : at::Tensor();
  }

  State state() const override {
    return {{"trained", at::full({1}, trained_, at::kLong)}};
  }
  void load(const State& state) override {
    trained_ = state.at(0).second.item<int64_t>();
  }
  std::vector<CastStatistics> statistics() const override {
    if (!casts_ || !watched_) {
      return {};
    }
    return {
        {"input", 3.0, 149.3, 0.01, 0.002, 31.5},
        {"weight", 0.5, 896.0, 0.0, 0.0, 33.0}};
  }

 private:
  Site site_;
  std::vector<Call>& calls_;
  bool casts_, watched_ = false;
  int64_t trained_ = 0;
};

class RecordingBackend : public PrecisionBackend {
 public:
  explicit RecordingBackend(bool casts = true) : casts_(casts) {}

  SiteVerdict accepts(const Site& site) const override {
    return site.kind == SiteKind::linear ? SiteVerdict::yes()
                                         : SiteVerdict::skip("no product");
  }
  std::unique_ptr<Gemm> make_gemm(const Site& site) override {
    return std::make_unique<RecordingGemm>(site, calls, casts_);
  }
  void end_microbatch(const StepContext& context) override {
    calls.push_back({"end_microbatch", "", context, false});
  }
  void end_step(const StepContext& context) override {
    calls.push_back({"end_step", "", context, false});
  }

  std::vector<Call> calls;

 private:
  bool casts_;
};

/// A plan that gives every linear layer that `plugin_of` names to that plugin.
/// Logits are few enough for one chunk.
inline Plan gemm_plan(
    const ModelSpec& spec,
    const std::function<std::string(const Site&)>& plugin_of,
    bool activation_checkpointing = false) {
  Plan plan;
  for (const Site& site : spec.sites()) {
    plan.sites.push_back({site, {}, {}, true});
    if (site.kind != SiteKind::linear) {
      continue;
    }
    const bool again = activation_checkpointing && site.layer >= 0;
    plan.sites.back().calls = {again ? 2 : 1, 1, 0};
    const std::string plugin = plugin_of(site);
    if (!plugin.empty()) {
      plan.sites.back().placements.push_back({plugin, "gemm", ""});
    }
  }
  return plan;
}

} // namespace octet::testing
