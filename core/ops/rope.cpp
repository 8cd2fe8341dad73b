// Rotary position embedding, half-split layout: the pair of channel i is
// (i, i + d/2). The inverse rotation is the same with -sin.
#include "core/ops/reference.h"
#include "core/ops/row_blocks.h"

#include <ATen/ops/empty_like.h>
#include <ATen/TensorOperators.h>

namespace octet {
namespace {

class ReferenceRope : public RopeOp {
 public:
  std::string implementation() const override {
    return "reference";
  }

  at::Tensor apply(
      const at::Tensor& x,
      const at::Tensor& cos,
      const at::Tensor& sin,
      bool inverse) override {
    const int64_t half = x.size(2) / 2;
    const double sign = inverse ? -1 : 1;
    at::Tensor y = at::empty_like(x, at::MemoryFormat::Contiguous);
    for_row_blocks(
        x.size(0),
        x.size(1) * x.size(2),
        [&](int64_t, int64_t begin, int64_t end) {
          const at::Tensor c = cos.slice(0, begin, end).unsqueeze(1);
          const at::Tensor s = sin.slice(0, begin, end).unsqueeze(1);
          const at::Tensor block = x.slice(0, begin, end).to(at::kFloat);
          const at::Tensor first = block.slice(2, 0, half);
          const at::Tensor second = block.slice(2, half, 2 * half);
          at::Tensor out = y.slice(0, begin, end);
          out.slice(2, 0, half).copy_((first * c).addcmul_(second, s, -sign));
          out.slice(2, half, 2 * half)
              .copy_((second * c).addcmul_(first, s, sign));
        });
    return y;
  }
};

} // namespace

std::shared_ptr<RopeOp> reference_rope() {
  return std::make_shared<ReferenceRope>();
}

} // namespace octet
