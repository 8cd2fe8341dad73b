// MXFP8: an E8M0 scale (a power of two) for each 32 values along the inner
// dimension, as the OCP Microscaling formats define it. No state. For compute
// capability 10.x.
//
// Both copies lie in the input's order; each is cast from the input with
// scales of its own direction. Products read the scales in tiles of 128 x 4.
#include "device.h"
#include "padding.h"
#include "recipe.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace octet::te {
namespace {

constexpr int64_t kBlock = 32;

class Mxfp8Quantizer : public Quantizer {
 public:
  Mxfp8Quantizer(std::shared_ptr<const Library> library, abi::DType format)
      : library_(std::move(library)), format_(format) {}

  Quantized quantize(const at::Tensor& x, bool columnwise, bool) override {
    const at::TensorOptions bytes = x.options().dtype(at::kByte);
    const int64_t m = x.size(0), k = x.size(1);
    Quantized result = allocate(x, abi::kMxfp8Scaling, format_, columnwise);
    // Zeros: the cast leaves the padding of the tiles alone.
    result.rowwise_scale_inv =
        at::zeros({round_up(m, 128), round_up(k / kBlock, 4)}, bytes);
    if (columnwise) {
      result.columnwise_scale_inv =
          at::zeros({round_up(m / kBlock, 4), round_up(k, 128)}, bytes);
    }
    const abi::Stream stream = current_stream(x.device());
    const Handle in(*library_, x);
    {
      Handle out(*library_, abi::kMxfp8Scaling);
      fill(out, result, /*swizzled=*/false);
      library_->call(
          "nvte_quantize_v2",
          library_->functions().quantize_v2,
          in.get(),
          out.get(),
          abi::QuantizationConfig(nullptr),
          stream);
    }
    result.rowwise_swizzled = swizzle(
        result.rowwise,
        result.rowwise_scale_inv,
        abi::kRowwiseData,
        abi::kRowwiseScaleInv,
        stream);
    if (columnwise) {
      result.columnwise_swizzled = swizzle(
          result.columnwise,
          result.columnwise_scale_inv,
          abi::kColumnwiseData,
          abi::kColumnwiseScaleInv,
          stream);
    }
    return result;
  }

 private:
  /// One direction at a time: the library refuses both at once.
  at::Tensor swizzle(
      const at::Tensor& data,
      const at::Tensor& scales,
      abi::TensorParam data_param,
      abi::TensorParam scale_param,
      abi::Stream stream) const {
    at::Tensor swizzled = at::empty(scales.sizes(), scales.options());
    Handle in(*library_, abi::kMxfp8Scaling);
    in.set(data_param, data, format_);
    in.set(scale_param, scales, abi::kFloat8E8M0);
    Handle out(*library_, abi::kMxfp8Scaling);
    out.set(data_param, data, format_);
    out.set(scale_param, swizzled, abi::kFloat8E8M0);
    out.set_swizzled();
    library_->call(
        "nvte_swizzle_scaling_factors",
        library_->functions().swizzle_scaling_factors,
        in.get(),
        out.get(),
        stream);
    return swizzled;
  }

  std::shared_ptr<const Library> library_;
  abi::DType format_;
};

class Mxfp8Scaling : public Recipe {
 public:
  Mxfp8Scaling(std::shared_ptr<const Library> library, const Settings& settings)
      : library_(std::move(library)), settings_(settings) {
    if (!library_->has_mxfp8()) {
      throw Error(
          "te",
          "precision.te.recipe = \"mxfp8\" needs Transformer Engine 2.12 or "
          "newer, found " +
              library_->version() + " (" + library_->path().string() +
              "); install transformer-engine-cu13 2.20");
    }
  }

  std::unique_ptr<Quantizer> quantizer(Operand operand) override {
    return std::make_unique<Mxfp8Quantizer>(
        library_, format_of(settings_, operand));
  }
  int64_t row_multiple() const override {
    return kBlock;
  }
  int64_t feature_multiple() const override {
    return kBlock;
  }
  bool split_accumulator_forward() const override {
    return true;
  }
  bool always_columnwise() const override {
    return true;
  }

 private:
  std::shared_ptr<const Library> library_;
  Settings settings_;
};

} // namespace

std::unique_ptr<Recipe> make_mxfp8_scaling(
    std::shared_ptr<const Library> library,
    const Settings& settings) {
  return std::make_unique<Mxfp8Scaling>(std::move(library), settings);
}

} // namespace octet::te
