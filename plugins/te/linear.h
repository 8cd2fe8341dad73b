// The products of one linear layer in FP8.
#pragma once

#include "product.h"
#include "recipe.h"
#include "weight_cache.h"

#include <octet/precision.h>

#include <map>
#include <memory>
#include <string>

namespace octet::te {

/// What all layers of a run share.
struct Engine {
  Engine(
      const std::shared_ptr<const Library>& library,
      const Settings& settings,
      unsigned capability)
      : recipe(make_recipe(library, settings)), products(library, capability) {}

  std::unique_ptr<Recipe> recipe;
  Products products;

  /// Whether the gradients' products need columnwise copies.
  bool columnwise() {
    return recipe->always_columnwise() || !products.any_layout();
  }
};

/// How often a layer cast each operand.
struct CastCounts {
  int64_t input = 0, weight = 0, grad_output = 0;
};

class Linear : public Gemm {
 public:
  /// @param input shared by the layers of a group, which read one activation
  /// @param keeps_input_state whether the input's history is saved here: in
  /// one layer of the group
  Linear(
      std::shared_ptr<Engine> engine,
      std::shared_ptr<Quantizer> input,
      bool keeps_input_state);

  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext& context,
      Saved* saved) override;
  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext& context,
      const GradRequest& want) override;
  State state() const override;
  void load(const State& state) override;
  std::vector<CastStatistics> statistics() const override;

  CastCounts casts() const {
    return {input_casts_, weight_.casts(), grad_casts_};
  }

 private:
  const Quantized& quantize_input(
      const Activation& x,
      const StepContext& context,
      bool columnwise);
  void add_grad_weight(
      const Quantized& x,
      const Quantized& grad_y,
      const at::Tensor& grad_w);
  void watch(
      const StepContext& context,
      const char* tensor,
      const at::Tensor& x,
      const Quantized& quantized);

  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Quantizer> input_;
  bool keeps_input_state_;
  WeightCache weight_;
  std::unique_ptr<Quantizer> grad_output_;
  int64_t input_casts_ = 0, grad_casts_ = 0;
  std::map<std::string, CastStatistics> statistics_;
};

} // namespace octet::te
