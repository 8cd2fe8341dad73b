// Norm, activation and rotation on whole tensors. Formulas: rms_norm.cpp,
// swiglu.cpp and rope.cpp.
#include "core/ops/device.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/TensorOperators.h>

namespace octet {
namespace {

class DeviceRmsNorm : public RmsNormOp {
 public:
  std::string implementation() const override {
    return "device";
  }

  at::Tensor forward(
      const at::Tensor& x,
      const at::Tensor& w,
      double eps,
      Saved* saved) override {
    const at::Tensor rows = x.reshape({-1, x.size(-1)});
    const at::Tensor wide = rows.to(at::kFloat);
    const at::Tensor rstd = wide.pow(2).mean(-1, true).add_(eps).rsqrt_();
    at::Tensor y = (wide * rstd).to(x.scalar_type());
    y.mul_(w.to(x.scalar_type()));
    if (saved != nullptr) {
      saved->tensors = {x, rstd};
    }
    return y.view(x.sizes());
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const at::Tensor& w,
      at::Tensor grad_w) override {
    const int64_t channels = grad_y.size(-1);
    const at::Tensor& rstd = saved.tensors.at(1);
    const at::Tensor x =
        saved.tensors.at(0).reshape({-1, channels}).to(at::kFloat);
    at::Tensor g = grad_y.reshape({-1, channels}).to(at::kFloat);
    if (grad_w.defined()) {
      grad_w.add_((g * x * rstd).sum(0));
    }
    g = g * w.to(at::kFloat);
    const at::Tensor grad_r = (g * x).sum(-1, true);
    const at::Tensor slope =
        (grad_r * rstd.pow(3)).mul_(-1.0 / double(channels));
    return g.mul_(rstd)
        .addcmul_(x, slope)
        .to(grad_y.scalar_type())
        .view(grad_y.sizes());
  }
};

class DeviceSwiglu : public SwigluOp {
 public:
  std::string implementation() const override {
    return "device";
  }

  at::Tensor forward(const at::Tensor& gate, const at::Tensor& up, Saved* saved)
      override {
    if (saved != nullptr) {
      saved->tensors = {gate, up};
    }
    return at::silu(gate).mul_(up);
  }

  std::pair<at::Tensor, at::Tensor> backward(
      const at::Tensor& grad_y,
      Saved& saved) override {
    const at::Tensor& gate = saved.tensors.at(0);
    const at::Tensor& up = saved.tensors.at(1);
    return {at::silu_backward(grad_y * up, gate), at::silu(gate).mul_(grad_y)};
  }
};

class DeviceRope : public RopeOp {
 public:
  std::string implementation() const override {
    return "device";
  }

  at::Tensor apply(
      const at::Tensor& x,
      const at::Tensor& cos,
      const at::Tensor& sin,
      bool inverse) override {
    const int64_t half = x.size(2) / 2;
    const double sign = inverse ? -1 : 1;
    const at::Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1);
    const at::Tensor wide = x.to(at::kFloat);
    const at::Tensor first = wide.slice(2, 0, half);
    const at::Tensor second = wide.slice(2, half, 2 * half);
    return at::cat(
               {(first * c).addcmul_(second, s, -sign),
                (second * c).addcmul_(first, s, sign)},
               2)
        .to(x.scalar_type());
  }
};

} // namespace

std::shared_ptr<RmsNormOp> device_rms_norm() {
  return std::make_shared<DeviceRmsNorm>();
}

std::shared_ptr<SwigluOp> device_swiglu() {
  return std::make_shared<DeviceSwiglu>();
}

std::shared_ptr<RopeOp> device_rope() {
  return std::make_shared<DeviceRope>();
}

} // namespace octet
