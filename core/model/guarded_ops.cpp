// Around the ops that a feature puts into the op table.
#include "core/model/guarded.h"

#include "core/plugin/plugin_call.h"

namespace octet {
namespace {

/// What all of them share: whose op it is, and how it is called.
template <typename Interface>
class GuardedOp : public Interface {
 public:
  GuardedOp(std::string plugin, std::shared_ptr<Interface> op)
      : plugin_(std::move(plugin)), op_(std::move(op)) {}

  std::string implementation() const override {
    return call_plugin({plugin_.c_str(), "implementation of an op"}, [&] {
      return op_->implementation();
    });
  }

 protected:
  template <typename Body>
  decltype(auto) call(const char* step, Body&& body) const {
    return call_plugin({plugin_.c_str(), step}, std::forward<Body>(body));
  }
  void check(
      const char* step,
      const at::Tensor& tensor,
      at::IntArrayRef shape,
      at::ScalarType dtype) const {
    check_returned(plugin_, step, "", tensor, shape, dtype);
  }
  /// The result has the shape and dtype of `like`.
  void check(const char* step, const at::Tensor& tensor, const at::Tensor& like)
      const {
    check(step, tensor, like.sizes(), like.scalar_type());
  }
  Interface& op() const {
    return *op_;
  }

 private:
  std::string plugin_;
  std::shared_ptr<Interface> op_;
};

class GuardedRmsNorm : public GuardedOp<RmsNormOp> {
 public:
  using GuardedOp::GuardedOp;

  at::Tensor forward(
      const at::Tensor& x,
      const at::Tensor& w,
      double eps,
      Saved* saved) override {
    constexpr const char* kStep = "forward of op rms_norm";
    at::Tensor y = call(kStep, [&] { return op().forward(x, w, eps, saved); });
    check(kStep, y, x);
    return y;
  }
  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const at::Tensor& w,
      at::Tensor grad_w) override {
    constexpr const char* kStep = "backward of op rms_norm";
    at::Tensor grad_x = call(kStep, [&] {
      return op().backward(grad_y, saved, w, std::move(grad_w));
    });
    check(kStep, grad_x, grad_y);
    return grad_x;
  }
};

class GuardedSwiglu : public GuardedOp<SwigluOp> {
 public:
  using GuardedOp::GuardedOp;

  at::Tensor forward(const at::Tensor& gate, const at::Tensor& up, Saved* saved)
      override {
    constexpr const char* kStep = "forward of op swiglu";
    at::Tensor y = call(kStep, [&] { return op().forward(gate, up, saved); });
    check(kStep, y, gate);
    return y;
  }
  std::pair<at::Tensor, at::Tensor> backward(
      const at::Tensor& grad_y,
      Saved& saved) override {
    constexpr const char* kStep = "backward of op swiglu";
    auto grads = call(kStep, [&] { return op().backward(grad_y, saved); });
    check(kStep, grads.first, grad_y);
    check(kStep, grads.second, grad_y);
    return grads;
  }
};

class GuardedRope : public GuardedOp<RopeOp> {
 public:
  using GuardedOp::GuardedOp;

  at::Tensor apply(
      const at::Tensor& x,
      const at::Tensor& cos,
      const at::Tensor& sin,
      bool inverse) override {
    constexpr const char* kStep = "apply of op rope";
    at::Tensor y =
        call(kStep, [&] { return op().apply(x, cos, sin, inverse); });
    check(kStep, y, x);
    return y;
  }
};

class GuardedAttention : public GuardedOp<AttentionOp> {
 public:
  using GuardedOp::GuardedOp;

  at::Tensor forward(
      const at::Tensor& q,
      const at::Tensor& k,
      const at::Tensor& v,
      const AttentionShape& shape,
      Saved* saved) override {
    constexpr const char* kStep = "forward of op attention";
    at::Tensor y =
        call(kStep, [&] { return op().forward(q, k, v, shape, saved); });
    check(kStep, y, q);
    return y;
  }
  Grads backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const AttentionShape& shape) override {
    constexpr const char* kStep = "backward of op attention";
    Grads grads =
        call(kStep, [&] { return op().backward(grad_y, saved, shape); });
    check(kStep, grads.q, grad_y);
    check(kStep, grads.v, grads.k);
    return grads;
  }
};

class GuardedCrossEntropy : public GuardedOp<CrossEntropyOp> {
 public:
  using GuardedOp::GuardedOp;

  Result compute(
      at::Tensor logits,
      const at::Tensor& targets,
      bool want_grad,
      double grad_scale) override {
    constexpr const char* kStep = "compute of op cross_entropy";
    const int64_t rows = logits.size(0), columns = logits.size(1);
    const at::ScalarType dtype = logits.scalar_type();
    Result result = call(kStep, [&] {
      return op().compute(std::move(logits), targets, want_grad, grad_scale);
    });
    if (want_grad) {
      check(kStep, result.grad_logits, {rows, columns}, dtype);
    }
    return result;
  }
};

class GuardedAdamw : public GuardedOp<AdamwOp> {
 public:
  using GuardedOp::GuardedOp;

  void update(
      at::Tensor& master,
      const at::Tensor& grad,
      at::Tensor& exp_avg,
      at::Tensor& exp_avg_sq,
      const Settings& settings) override {
    call("update of op adamw", [&] {
      op().update(master, grad, exp_avg, exp_avg_sq, settings);
    });
  }
};

template <typename Guarded, typename Interface>
std::shared_ptr<Op> wrap(
    const std::string& plugin,
    const std::shared_ptr<Op>& op) {
  auto typed = std::dynamic_pointer_cast<Interface>(op);
  return typed == nullptr ? nullptr
                          : std::make_shared<Guarded>(plugin, std::move(typed));
}

} // namespace

std::shared_ptr<Op> guarded(const std::string& plugin, std::shared_ptr<Op> op) {
  for (const auto& wrapped :
       {wrap<GuardedRmsNorm, RmsNormOp>(plugin, op),
        wrap<GuardedSwiglu, SwigluOp>(plugin, op),
        wrap<GuardedRope, RopeOp>(plugin, op),
        wrap<GuardedAttention, AttentionOp>(plugin, op),
        wrap<GuardedCrossEntropy, CrossEntropyOp>(plugin, op),
        wrap<GuardedAdamw, AdamwOp>(plugin, op)}) {
    if (wrapped != nullptr) {
      return wrapped;
    }
  }
  return op;
}

} // namespace octet
