// Delayed scaling: a cast uses the scale that earlier microbatches led to, so
// it needs one pass over the tensor, and leaves its amax for later ones.
//
// A microbatch ends for all slots together. Transformer Engine updates the
// forward's scales before backward; since nothing casts with them in between
// except a recomputed forward, which must not see the new ones, the numbers
// are the same.
#include "device.h"
#include "recipe.h"
#include "scale_table.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

namespace octet::te {
namespace {

class DelayedQuantizer : public Quantizer {
 public:
  DelayedQuantizer(
      std::shared_ptr<const Library> library,
      std::shared_ptr<ScaleTable> table)
      : library_(std::move(library)),
        table_(std::move(table)),
        slot_(table_->add_slot()) {}

  Quantized quantize(const at::Tensor& x, bool columnwise, bool record)
      override {
    table_->use(x.device());
    Quantized result =
        allocate(x, abi::kTensorScaling, table_->format(), columnwise);
    // A saved tensor keeps the scale it was cast with.
    result.rowwise_scale_inv = at::empty({1}, x.options().dtype(at::kFloat));
    if (columnwise) {
      result.columnwise_scale_inv = result.rowwise_scale_inv;
    }
    const Handle in(*library_, x);
    Handle out(*library_, abi::kTensorScaling);
    fill(out, result, /*swizzled=*/false);
    out.set_scalar(abi::kScale, table_->scale(slot_));
    if (record) {
      out.set_scalar(abi::kAmax, table_->amax(slot_));
    }
    library_->call(
        "nvte_quantize_v2",
        library_->functions().quantize_v2,
        in.get(),
        out.get(),
        abi::QuantizationConfig(nullptr),
        current_stream(x.device()));
    return result;
  }

  bool stateless() const override {
    return false;
  }
  ScaleTable& table() const {
    return *table_;
  }
  int64_t slot() const {
    return slot_;
  }

 private:
  std::shared_ptr<const Library> library_;
  std::shared_ptr<ScaleTable> table_;
  int64_t slot_;
};

class DelayedScaling : public Recipe {
 public:
  DelayedScaling(
      std::shared_ptr<const Library> library,
      const Settings& settings)
      : library_(std::move(library)),
        forward_(make_table(settings, settings.forward)),
        backward_(make_table(settings, settings.backward)) {}

  std::unique_ptr<Quantizer> quantizer(Operand operand) override {
    return std::make_unique<DelayedQuantizer>(
        library_, operand == Operand::grad_output ? backward_ : forward_);
  }

  State state(const Quantizer& quantizer) override {
    const auto& mine = static_cast<const DelayedQuantizer&>(quantizer);
    return mine.table().state(mine.slot());
  }
  void load(const Quantizer& quantizer, const State& state) override {
    const auto& mine = static_cast<const DelayedQuantizer&>(quantizer);
    mine.table().load(mine.slot(), state);
  }

  void end_microbatch(Collective* ranks) override {
    // Where nothing was differentiated yet, no cast has moved this table.
    backward_->use(forward_->scales().device());
    at::Tensor forward_amax, backward_amax;
    if (ranks != nullptr && ranks->world_size() > 1) {
      // One reduction for all slots of the model: the same sites in the same
      // order on every rank.
      forward_amax = forward_->current_amax();
      backward_amax = backward_->current_amax();
      const int64_t count = forward_amax.size(0);
      at::Tensor all = at::cat({forward_amax, backward_amax});
      ranks->all_reduce_max(all);
      forward_amax = all.slice(0, 0, count);
      backward_amax = all.slice(0, count);
    }
    forward_->update(forward_amax);
    backward_->update(backward_amax);
  }

 private:
  std::shared_ptr<ScaleTable> make_table(
      const Settings& settings,
      abi::DType format) const {
    return std::make_shared<ScaleTable>(
        library_,
        ScaleTable::Settings{
            format,
            settings.amax_history_len,
            settings.amax_compute_algo,
            settings.margin});
  }

  std::shared_ptr<const Library> library_;
  std::shared_ptr<ScaleTable> forward_, backward_;
};

} // namespace

std::unique_ptr<Recipe> make_delayed_scaling(
    std::shared_ptr<const Library> library,
    const Settings& settings) {
  return std::make_unique<DelayedScaling>(std::move(library), settings);
}

} // namespace octet::te
