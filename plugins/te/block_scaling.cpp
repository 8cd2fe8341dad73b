// FP8 block scaling: a power-of-two scale for each 128 values of inputs and
// gradients along the inner dimension, and for each 128 x 128 block of
// weights. No state. For compute capability 9.x.
#include "device.h"
#include "padding.h"
#include "recipe.h"

#include <ATen/ops/empty.h>

namespace octet::te {
namespace {

constexpr int64_t kBlock = 128;

constexpr int64_t blocks(int64_t size) {
  return (size + kBlock - 1) / kBlock;
}

/// Scales of an [M, K] copy whose blocks run along K. The 1 x 128 scales are
/// stored with the blocks first; the last dimension is padded to 4.
at::Tensor empty_scales(
    int64_t m,
    int64_t k,
    bool square,
    const at::TensorOptions& options) {
  return square ? at::empty({blocks(m), round_up(blocks(k), 4)}, options)
                : at::empty({blocks(k), round_up(m, 4)}, options);
}

class BlockQuantizer : public Quantizer {
 public:
  BlockQuantizer(
      std::shared_ptr<const Library> library,
      abi::DType format,
      bool square)
      : library_(std::move(library)), format_(format), square_(square) {}

  Quantized quantize(const at::Tensor& x, bool columnwise, bool) override {
    const at::TensorOptions fp32 = x.options().dtype(at::kFloat);
    const abi::ScalingMode mode =
        square_ ? abi::kBlockScaling2d : abi::kBlockScaling1d;
    const int64_t m = x.size(0), k = x.size(1);
    Quantized result = allocate(x, mode, format_, columnwise);
    result.rowwise_scale_inv = empty_scales(m, k, square_, fp32);
    if (columnwise) {
      result.columnwise_scale_inv = empty_scales(k, m, square_, fp32);
    }
    const QuantizationConfig config(*library_, /*power_of_two_scales=*/true);
    const Handle in(*library_, x);
    Handle out(*library_, mode);
    fill(out, result, /*swizzled=*/false);
    library_->call(
        "nvte_quantize_v2",
        library_->functions().quantize_v2,
        in.get(),
        out.get(),
        config.get(),
        current_stream(x.device()));
    return result;
  }

 private:
  std::shared_ptr<const Library> library_;
  abi::DType format_;
  bool square_;
};

class BlockScaling : public Recipe {
 public:
  BlockScaling(std::shared_ptr<const Library> library, const Settings& settings)
      : library_(std::move(library)), settings_(settings) {}

  std::unique_ptr<Quantizer> quantizer(Operand operand) override {
    return std::make_unique<BlockQuantizer>(
        library_, format_of(settings_, operand), operand == Operand::weight);
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

std::unique_ptr<Recipe> make_block_scaling(
    std::shared_ptr<const Library> library,
    const Settings& settings) {
  return std::make_unique<BlockScaling>(std::move(library), settings);
}

} // namespace octet::te
