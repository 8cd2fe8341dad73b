// See the header.
#include "tests/plugins/torchao/double_ops.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/softmax.h>
#include <ATen/TensorOperators.h>

#include <limits>
#include <memory>
#include <stdexcept>

namespace octet::torchao::testing {
namespace {

class RmsNorm : public RmsNormOp {
 public:
  std::string implementation() const override {
    return "fp64";
  }
  at::Tensor forward(
      const at::Tensor& x,
      const at::Tensor& w,
      double eps,
      Saved* saved) override {
    const at::Tensor rstd = (x * x).mean(-1, true).add_(eps).rsqrt_();
    if (saved != nullptr) {
      saved->tensors = {x, rstd};
    }
    return x * rstd * w.to(at::kDouble);
  }
  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const at::Tensor& w,
      at::Tensor grad_w) override {
    const at::Tensor rstd = saved.tensors.at(1);
    const at::Tensor normalized = saved.tensors.at(0) * rstd;
    if (grad_w.defined()) {
      grad_w.add_((grad_y * normalized).sum(0));
    }
    const at::Tensor g = grad_y * w.to(at::kDouble);
    return (g - normalized * (g * normalized).mean(-1, true)) * rstd;
  }
};

class Swiglu : public SwigluOp {
 public:
  std::string implementation() const override {
    return "fp64";
  }
  at::Tensor forward(const at::Tensor& gate, const at::Tensor& up, Saved* saved)
      override {
    if (saved != nullptr) {
      saved->tensors = {gate, up};
    }
    return gate * gate.sigmoid() * up;
  }
  std::pair<at::Tensor, at::Tensor> backward(
      const at::Tensor& grad_y,
      Saved& saved) override {
    const at::Tensor& gate = saved.tensors.at(0);
    const at::Tensor s = gate.sigmoid();
    return {
        grad_y * saved.tensors.at(1) * s * (1 + gate * (1 - s)),
        grad_y * gate * s};
  }
};

class Rope : public RopeOp {
 public:
  explicit Rope(double theta) : theta_(theta) {}
  std::string implementation() const override {
    return "fp64";
  }
  at::Tensor apply(
      const at::Tensor& x,
      const at::Tensor&,
      const at::Tensor&,
      bool inverse) override {
    const int64_t size = x.size(2), half = size / 2;
    const at::Tensor period =
        at::pow(theta_, at::arange(0, size, 2, at::kDouble) / double(size));
    const at::Tensor angle =
        at::arange(x.size(0), at::kDouble).view({-1, 1, 1}) / period;
    const at::Tensor c = angle.cos(), s = angle.sin() * (inverse ? -1 : 1);
    const at::Tensor a = x.slice(2, 0, half), b = x.slice(2, half, size);
    return at::cat({a * c - b * s, b * c + a * s}, 2);
  }

 private:
  double theta_;
};

class Attention : public AttentionOp {
 public:
  std::string implementation() const override {
    return "fp64";
  }
  at::Tensor forward(
      const at::Tensor& q,
      const at::Tensor& k,
      const at::Tensor& v,
      const AttentionShape& shape,
      Saved* saved) override {
    if (shape.cu_seqlens.size() != 2 || shape.window != 0) {
      throw std::invalid_argument("one sequence without a window expected");
    }
    const int64_t n = q.size(0), share = q.size(1) / k.size(1);
    const at::Tensor keys = heads(k, share), values = heads(v, share);
    const at::Tensor hidden = at::ones({n, n}, at::kBool).triu(/*diagonal=*/1);
    const at::Tensor weights = at::softmax(
        (at::matmul(heads(q, 1), keys.transpose(1, 2)) * shape.scale)
            .masked_fill(hidden, -std::numeric_limits<double>::infinity()),
        -1);
    if (saved != nullptr) {
      saved->tensors = {heads(q, 1), keys, values, weights};
    }
    return at::matmul(weights, values).transpose(0, 1).contiguous();
  }
  Grads backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const AttentionShape& shape) override {
    const at::Tensor &q = saved.tensors.at(0), &k = saved.tensors.at(1),
                     &v = saved.tensors.at(2), &weights = saved.tensors.at(3);
    const at::Tensor grad = heads(grad_y, 1);
    const at::Tensor grad_weights = at::matmul(grad, v.transpose(1, 2));
    const at::Tensor scores = weights *
        (grad_weights - (grad_weights * weights).sum(-1, true)) * shape.scale;
    // q, k and v come back with their own number of heads.
    const int64_t share = shared_by_;
    return {
        at::matmul(scores, k).transpose(0, 1).contiguous(),
        summed(at::matmul(scores.transpose(1, 2), q), share),
        summed(at::matmul(weights.transpose(1, 2), grad), share)};
  }

 private:
  /// [n, g, d] as [g * share, n, d], each head `share` times.
  at::Tensor heads(const at::Tensor& x, int64_t share) {
    if (share > 1) {
      shared_by_ = share;
    }
    return x.transpose(0, 1).repeat_interleave(share, 0);
  }
  static at::Tensor summed(const at::Tensor& x, int64_t share) {
    return x.unflatten(0, {-1, share}).sum(1).transpose(0, 1).contiguous();
  }
  int64_t shared_by_ = 1;
};

class CrossEntropy : public CrossEntropyOp {
 public:
  std::string implementation() const override {
    return "fp64";
  }
  Result compute(
      at::Tensor logits,
      const at::Tensor& targets,
      bool want_grad,
      double grad_scale) override {
    const at::Tensor log_p = at::log_softmax(logits, -1);
    const at::Tensor target = targets.unsqueeze(1);
    const at::Tensor found = log_p.gather(1, target);
    Result result;
    result.loss_sum = -found.sum().item<double>();
    if (want_grad) {
      result.grad_logits =
          log_p.exp()
              .scatter_add_(1, target, at::full_like(found, -1))
              .mul_(grad_scale);
    }
    return result;
  }
};

} // namespace

void compute_in_double(OpTable& ops, double rope_theta) {
  ops.replace("rms_norm", std::make_shared<RmsNorm>());
  ops.replace("swiglu", std::make_shared<Swiglu>());
  ops.replace("rope", std::make_shared<Rope>(rope_theta));
  ops.replace("attention", std::make_shared<Attention>());
  ops.replace("cross_entropy", std::make_shared<CrossEntropy>());
}

} // namespace octet::torchao::testing
