// The interface of a feature: it changes the model through the ModelEditor,
// which keeps the ledger of what was really done.
#pragma once

#include <octet/ops.h>
#include <octet/site.h>
#include <octet/step_context.h>
#include <octet/tensors.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace octet {

/// An extra path at a site: y += adapter(x).
class Adapter {
 public:
  virtual ~Adapter() = default;

  /// @param x [M, K]  @param y [M, N], added to in place; both compute dtype
  virtual void forward(
      const at::Tensor& x,
      at::Tensor& y,
      const StepContext& context,
      Saved* saved) = 0;
  /// Adds to the gradients of its own parameters.
  /// @param grad_x [M, K] compute dtype, added to in place; undefined when the
  /// gradient of the input is not wanted
  virtual void backward(
      const at::Tensor& grad_y,
      at::Tensor& grad_x,
      const StepContext& context,
      Saved& saved) = 0;
  /// The weight change this adapter amounts to, fp32 [N, K]; for merging.
  virtual at::Tensor delta() const = 0;
};

/// A change of the weight on its way into the GEMM (fake quantization).
class WeightTransform {
 public:
  virtual ~WeightTransform() = default;
  /// @param w [N, K] compute dtype  @returns the same shape and dtype
  virtual at::Tensor forward(const at::Tensor& w, const StepContext&) = 0;
  /// @param w the forward's input  @param grad fp32 [N, K], changed in place
  virtual void backward(const at::Tensor& w, at::Tensor& grad) = 0;
};

/// A change of the activation on its way into the GEMM.
class InputTransform {
 public:
  virtual ~InputTransform() = default;
  /// @param x [M, K] compute dtype  @param saved null when no backward follows
  /// @returns the same shape and dtype
  virtual at::Tensor
  forward(const at::Tensor& x, const StepContext&, Saved* saved) = 0;
  /// @param grad_y [M, K], of the forward's result  @returns that of x
  virtual at::Tensor backward(const at::Tensor& grad_y, Saved& saved) = 0;
};

/// Files of an adapter as other programs read them (the PEFT layout).
struct AdapterFiles {
  /// Text of adapter_config.json.
  std::string config_json;
  /// Tensors of adapter_model.safetensors.
  std::map<std::string, at::Tensor> tensors;
};

/// What an export knows besides the adapter.
struct ExportContext {
  /// What the adapter's config names as its base model.
  std::string base_model;
};

/// An optimizer step that is done.
struct StepReport {
  /// Counted from 1.
  int64_t step = 0;
  /// @{ Mean loss of the trained tokens, norm of all gradients before clipping,
  /// rate of this step.
  double loss = 0, grad_norm = 0, learning_rate = 0;
  /// @}
};

/// How a feature changes the model. Every call is entered into the ledger
/// under the feature's name; a slot that the plan does not give to the feature
/// is refused with an Error.
class ModelEditor {
 public:
  virtual ~ModelEditor() = default;

  /// All sites of the model.
  virtual const std::vector<Site>& sites() const = 0;
  /// The sites that the plan gives to this feature, in model order.
  virtual const std::vector<Site>& planned_sites() const = 0;
  /// The run's compute dtype.
  virtual at::ScalarType compute_dtype() const = 0;
  /// The run's seed, for initial values.
  virtual uint64_t seed() const = 0;

  /// The weight of a linear layer as it is stored, to be read at any time.
  virtual const WeightSource& weight(const std::string& site) const = 0;

  /// A trainable parameter that the host updates, clips and checkpoints. The
  /// reference stays valid as long as the model.
  virtual Parameter&
  add_parameter(std::string name, at::Tensor initial, bool decay) = 0;

  /// Fills the slot `adapter`, which takes any number.
  virtual void add_adapter(
      const std::string& site,
      std::unique_ptr<Adapter> adapter) = 0;
  /// Fills the slot `weight_transform`.
  virtual void set_weight_transform(
      const std::string& site,
      std::unique_ptr<WeightTransform> transform) = 0;
  /// Fills the slot `input_transform`.
  virtual void set_input_transform(
      const std::string& site,
      std::unique_ptr<InputTransform> transform) = 0;
  /// `name` is one of rms_norm, swiglu, rope, attention, cross_entropy, adamw.
  virtual void replace_op(const std::string& name, std::shared_ptr<Op> op) = 0;

  /// Runs after every optimizer step; the manifest claims `step_end`.
  virtual void on_step_end(std::function<void(const StepReport&)> hook) = 0;
};

/// What create of a feature plugin makes.
class Feature {
 public:
  virtual ~Feature() = default;

  /// Whether the slots this feature claims are to be filled at `site`.
  virtual SiteVerdict accepts(const Site& site) const = 0;
  /// Claims slots, replaces ops, registers hooks.
  virtual void apply(ModelEditor& editor) = 0;

  /// The trained adapter, for features that are one (manifest key
  /// `adapter_format`). Tensors fp32.
  virtual AdapterFiles export_adapter(const ExportContext&) const {
    return {};
  }
  /// Sets itself up from an adapter's files, before accepts() and apply().
  virtual void import_adapter(const AdapterFiles&) {}

  /// State besides parameters that belongs into a checkpoint.
  virtual State state() const {
    return {};
  }
  /// Takes what state() gave, after apply().
  virtual void load(const State&) {}
};

} // namespace octet
