// One linear layer with its slots:
//   y = gemm(input_transform(x), weight_transform(w)) + bias + sum adapter(x)
// Shapes: M tokens, K inputs, N outputs.
#pragma once

#include "core/model/base_weights.h"
#include "core/model/ledger.h"

#include <octet/feature.h>
#include <octet/precision.h>
#include <octet/site.h>

#include <memory>
#include <vector>

namespace octet {

/// What a site keeps between forward and backward.
struct SiteSaved {
  Saved gemm, input;
  std::vector<Saved> adapters;
};

class LinearSite {
 public:
  /// @param bias null when the site has none
  LinearSite(Site site, BaseTensor& weight, BaseTensor* bias);

  const Site& site() const {
    return site_;
  }
  BaseTensor& weight() const {
    return weight_;
  }

  /// @param plugin whose Gemm it is
  void set_gemm(std::unique_ptr<Gemm> gemm, std::string plugin) {
    gemm_ = std::move(gemm);
    gemm_plugin_ = std::move(plugin);
  }
  void add_adapter(std::unique_ptr<Adapter> adapter) {
    adapters_.push_back(std::move(adapter));
  }
  void set_weight_transform(std::unique_ptr<WeightTransform> transform) {
    weight_transform_ = std::move(transform);
  }
  void set_input_transform(std::unique_ptr<InputTransform> transform) {
    input_transform_ = std::move(transform);
  }

  /// @param x [M, K]
  /// @param tokens rows behind these fill the batch up and are zero; they get
  /// no bias, so that they stay zero through the whole model and no scale or
  /// history of a backend sees anything else
  /// @param saved null when no backward follows  @returns [M, N]
  at::Tensor forward(
      const Activation& x,
      int64_t tokens,
      const StepContext& context,
      SiteSaved* saved);
  /// Adds to the gradients of weight, bias and adapters; frees `saved`.
  /// @param grad_x [M, K], added to; allocated when undefined
  void backward(
      const at::Tensor& grad_y,
      SiteSaved& saved,
      const StepContext& context,
      at::Tensor& grad_x);

  /// Sum of the adapters' weight changes, fp32 [N, K]; undefined without any.
  at::Tensor delta() const;
  Gemm& gemm() const {
    return *gemm_;
  }
  /// Empty for the core's plain one.
  const std::string& gemm_plugin() const {
    return gemm_plugin_;
  }
  /// Calls for the policy; other views have no place in the plan's count.
  const CallCount& calls() const {
    return calls_;
  }
  void reset_calls() {
    calls_ = {};
  }

 private:
  void count(int64_t CallCount::*calls, const StepContext& context);
  at::Tensor backward_gemm(
      const at::Tensor& grad_y,
      SiteSaved& saved,
      const StepContext& context);

  Site site_;
  BaseTensor& weight_;
  BaseTensor* bias_;
  std::unique_ptr<Gemm> gemm_;
  std::string gemm_plugin_;
  std::unique_ptr<WeightTransform> weight_transform_;
  std::unique_ptr<InputTransform> input_transform_;
  std::vector<std::unique_ptr<Adapter>> adapters_;
  CallCount calls_;
};

} // namespace octet
