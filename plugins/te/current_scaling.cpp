// Current scaling: the scale comes from the tensor's own amax, at the price of
// one more pass over it. No state.
#include "device.h"
#include "recipe.h"

#include <ATen/ops/empty.h>

namespace octet::te {
namespace {

class CurrentQuantizer : public Quantizer {
 public:
  CurrentQuantizer(std::shared_ptr<const Library> library, abi::DType format)
      : library_(std::move(library)), format_(format) {}

  Quantized quantize(const at::Tensor& x, bool columnwise, bool) override {
    const at::TensorOptions fp32 = x.options().dtype(at::kFloat);
    Quantized result = allocate(x, abi::kTensorScaling, format_, columnwise);
    result.rowwise_scale_inv = at::empty({1}, fp32);
    if (columnwise) {
      result.columnwise_scale_inv = result.rowwise_scale_inv;
    }
    at::Tensor amax_and_scale = at::empty({2}, fp32);
    auto* const scalars = amax_and_scale.data_ptr<float>();
    const abi::Stream stream = current_stream(x.device());
    const QuantizationConfig config(*library_, /*power_of_two_scales=*/false);
    const Handle in(*library_, x);
    Handle out(*library_, abi::kTensorScaling);
    fill(out, result, /*swizzled=*/false);
    out.set_scalar(abi::kAmax, scalars);
    out.set_scalar(abi::kScale, scalars + 1);
    const abi::Functions& te = library_->functions();
    library_->call(
        "nvte_compute_amax", te.compute_amax, in.get(), out.get(), stream);
    library_->call(
        "nvte_compute_scale_from_amax",
        te.compute_scale_from_amax,
        out.get(),
        config.get(),
        stream);
    // The cast need not find the amax a second time.
    out.clear(abi::kAmax, abi::kFloat32);
    library_->call(
        "nvte_quantize_v2",
        te.quantize_v2,
        in.get(),
        out.get(),
        config.get(),
        stream);
    return result;
  }

 private:
  std::shared_ptr<const Library> library_;
  abi::DType format_;
};

class CurrentScaling : public Recipe {
 public:
  CurrentScaling(
      std::shared_ptr<const Library> library,
      const Settings& settings)
      : library_(std::move(library)), settings_(settings) {}

  std::unique_ptr<Quantizer> quantizer(Operand operand) override {
    return std::make_unique<CurrentQuantizer>(
        library_, format_of(settings_, operand));
  }

 private:
  std::shared_ptr<const Library> library_;
  Settings settings_;
};

} // namespace

std::unique_ptr<Recipe> make_current_scaling(
    std::shared_ptr<const Library> library,
    const Settings& settings) {
  return std::make_unique<CurrentScaling>(std::move(library), settings);
}

} // namespace octet::te
