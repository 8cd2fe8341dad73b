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

  /// @param x [M, K] compute dtype, not to be changed
  /// @param y [M, N] compute dtype, added to in place
  /// @param context which step this is; random numbers are functions of it
  /// @param saved where to keep what backward needs; null when none follows
  virtual void forward(
      const at::Tensor& x,
      at::Tensor& y,
      const StepContext& context,
      Saved* saved) = 0;
  /// Adds to the gradients of its own parameters.
  /// @param grad_y [M, N] compute dtype, not to be changed
  /// @param grad_x [M, K] compute dtype, added to in place; undefined when the
  /// gradient of the input is not wanted
  /// @param context which step this is
  /// @param saved what that forward kept; may be emptied
  virtual void backward(
      const at::Tensor& grad_y,
      at::Tensor& grad_x,
      const StepContext& context,
      Saved& saved) = 0;
  /// For merging, after training.
  /// @returns the weight change this adapter amounts to without dropout, fp32
  /// [N, K]
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
  /// @param grad_y [M, K] compute dtype, of the forward's result
  /// @param saved what that forward kept; may be emptied
  /// @returns the gradient of x, [M, K] compute dtype
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

  /// @returns all sites of the model, in its order
  virtual const std::vector<Site>& sites() const = 0;
  /// @returns the sites that the plan gives to this feature, in model order
  virtual const std::vector<Site>& planned_sites() const = 0;
  /// @returns the run's compute dtype, that of activations
  virtual at::ScalarType compute_dtype() const = 0;
  /// @returns the run's seed, for initial values
  virtual uint64_t seed() const = 0;

  /// The weight of a linear layer as it is stored, to be read at any time.
  /// @param site a name of sites()
  /// @returns valid as long as the model
  /// @throws Error when that is no linear layer of the model
  virtual const WeightSource& weight(const std::string& site) const = 0;

  /// A trainable parameter that the host updates, clips and checkpoints.
  /// @param name in checkpoints, unique among those of all features
  /// @param initial fp32, any shape; copied to the run's device
  /// @param decay whether weight decay applies
  /// @returns valid as long as the model
  /// @throws Error when the name is taken or the value is not fp32
  virtual Parameter&
  add_parameter(std::string name, at::Tensor initial, bool decay) = 0;

  /// Fills the slot `adapter`, which takes any number.
  /// @param site a linear layer of planned_sites()
  /// @param adapter not null
  /// @throws Error when the plan does not give this feature that slot
  virtual void add_adapter(
      const std::string& site,
      std::unique_ptr<Adapter> adapter) = 0;
  /// Fills the slot `weight_transform`.
  /// @param site a linear layer of planned_sites()
  /// @param transform not null
  /// @throws Error when the plan does not give this feature that slot
  virtual void set_weight_transform(
      const std::string& site,
      std::unique_ptr<WeightTransform> transform) = 0;
  /// Fills the slot `input_transform`.
  /// @param site a linear layer of planned_sites()
  /// @param transform not null
  /// @throws Error when the plan does not give this feature that slot
  virtual void set_input_transform(
      const std::string& site,
      std::unique_ptr<InputTransform> transform) = 0;
  /// Every use of that op in the model is the feature's from now on.
  /// @param name rms_norm, swiglu, rope, attention, cross_entropy or adamw
  /// @param op of the type of that name
  /// @throws Error when the plan does not give this feature that op, or the op
  /// is of another type
  virtual void replace_op(const std::string& name, std::shared_ptr<Op> op) = 0;

  /// @param hook runs after every optimizer step; an exception ends the run
  /// @throws Error when the manifest does not claim `step_end`
  virtual void on_step_end(std::function<void(const StepReport&)> hook) = 0;
};

/// What create of a feature plugin makes.
class Feature {
 public:
  virtual ~Feature() = default;

  /// Whether the slots this feature claims are to be filled at `site`.
  /// @param site a linear layer or an embedding of the model
  /// @returns the same verdict for the same site and options
  virtual SiteVerdict accepts(const Site& site) const = 0;
  /// Fills slots, replaces ops, registers hooks: all that the plan gives this
  /// feature, or the run stops. An exception stops it too.
  /// @param editor valid during the call
  virtual void apply(ModelEditor& editor) = 0;

  /// The trained adapter, for features that are one (manifest key
  /// `adapter_format`).
  /// @returns fp32 tensors, and a config that is a JSON object
  virtual AdapterFiles export_adapter(const ExportContext&) const {
    return {};
  }
  /// Sets itself up from an adapter's files, before accepts() and apply().
  virtual void import_adapter(const AdapterFiles&) {}

  /// State besides parameters that belongs into a checkpoint.
  /// @returns unique names, tensors of any shape and dtype; may share memory
  /// with the state itself
  virtual State state() const {
    return {};
  }
  /// Takes what state() gave, after apply().
  virtual void load(const State&) {}
};

} // namespace octet
