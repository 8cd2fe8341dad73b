// The ops of the model with typed signatures. The core has a plain reference
// for each; a feature may replace one through ModelEditor::replace_op.
//
// Shapes: n tokens, c channels, h heads, g key/value heads, d head size,
// f intermediate size, v vocabulary. x_* have the compute dtype.
#pragma once

#include <octet/step_context.h>
#include <octet/tensors.h>

#include <memory>
#include <string>

namespace octet {

/// Base of every op: who implements it, for the plan and the reports.
class Op {
 public:
  virtual ~Op() = default;
  /// @returns "reference" or "<plugin>:<variant>"
  virtual std::string implementation() const = 0;
};

/// y = x / sqrt(mean(x^2) + eps) * w; statistics in fp32.
class RmsNormOp : public Op {
 public:
  /// @param x [n, c] (or [n, h, d] with w [d])
  /// @param w [c], fp32 or compute dtype
  /// @param eps added to the mean of squares
  /// @param saved where to keep what backward needs; null when none follows
  /// @returns the shape and dtype of x
  virtual at::Tensor forward(
      const at::Tensor& x,
      const at::Tensor& w,
      double eps,
      Saved* saved) = 0;
  /// @param grad_y of the shape and dtype of x
  /// @param saved what that forward kept; may be emptied
  /// @param w as in that forward
  /// @param grad_w fp32 [c] accumulator, or undefined
  /// @returns grad_x, of the shape and dtype of grad_y
  virtual at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const at::Tensor& w,
      at::Tensor grad_w) = 0;
};

/// y = silu(gate) * up, both [n, f].
class SwigluOp : public Op {
 public:
  /// @param gate [n, f]
  /// @param up [n, f]
  /// @param saved where to keep what backward needs; null when none follows
  /// @returns [n, f] compute dtype
  virtual at::Tensor
  forward(const at::Tensor& gate, const at::Tensor& up, Saved* saved) = 0;
  /// @param grad_y [n, f]
  /// @param saved what that forward kept; may be emptied
  /// @returns {grad_gate, grad_up}, both [n, f] compute dtype
  virtual std::pair<at::Tensor, at::Tensor> backward(
      const at::Tensor& grad_y,
      Saved& saved) = 0;
};

/// Rotary position embedding in the half-split layout of Hugging Face.
class RopeOp : public Op {
 public:
  /// @param x [n, h, d]  @param cos,sin fp32 [n, d/2], already scaled
  /// @param inverse rotate back: the gradient of the forward rotation
  /// @returns [n, h, d]
  virtual at::Tensor apply(
      const at::Tensor& x,
      const at::Tensor& cos,
      const at::Tensor& sin,
      bool inverse) = 0;
};

/// Causal attention of packed sequences that never see each other.
struct AttentionShape {
  /// Segment boundaries, [segments + 1], first 0, last n.
  std::vector<int64_t> cu_seqlens;
  /// Factor of q k^T, usually 1 / sqrt(d).
  double scale = 0;
  /// Keys a query sees, itself included; 0 = all before it.
  int64_t window = 0;
};

/// y = softmax(scale q k^T) v over the keys that a query sees.
class AttentionOp : public Op {
 public:
  /// @param q [n, h, d]
  /// @param k,v [n, g, d], with h a multiple of g
  /// @param shape which rows of n are one sequence, and what they see
  /// @param saved where to keep what backward needs; null when none follows
  /// @returns [n, h, d] compute dtype
  virtual at::Tensor forward(
      const at::Tensor& q,
      const at::Tensor& k,
      const at::Tensor& v,
      const AttentionShape& shape,
      Saved* saved) = 0;
  /// Gradients in the shapes of the inputs.
  struct Grads {
    /// @{ Of q, k and v.
    at::Tensor q, k, v;
    /// @}
  };
  /// @param grad_y [n, h, d]
  /// @param saved what that forward kept; may be emptied
  /// @param shape as in that forward
  /// @returns compute dtype
  virtual Grads backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const AttentionShape& shape) = 0;
};

/// Softmax cross-entropy of one chunk of logits, gradient in the same pass.
class CrossEntropyOp : public Op {
 public:
  /// Of one chunk.
  struct Result {
    /// fp32 scalar on CPU: sum over the rows of -log softmax(logits)[target].
    double loss_sum = 0;
    /// [n, v]: grad_scale * (softmax(logits) - onehot); undefined unless asked.
    at::Tensor grad_logits;
  };
  /// @param logits [n, v] compute dtype; may be overwritten
  /// @param targets int64 [n], all valid (no ignored rows)
  /// @param want_grad whether grad_logits is wanted
  /// @param grad_scale factor of the gradient, usually 1 / trained tokens
  /// @returns the sum, and the gradient where it is wanted
  virtual Result compute(
      at::Tensor logits,
      const at::Tensor& targets,
      bool want_grad,
      double grad_scale) = 0;
};

/// One AdamW update of one tensor, all fp32, in place.
class AdamwOp : public Op {
 public:
  /// Of one update.
  struct Settings {
    /// @{ As AdamW names them; the decay is decoupled.
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    /// @}
    /// 1-based count of updates, for the bias correction.
    int64_t step;
    /// The gradient is multiplied by this first (clipping).
    double grad_scale;
  };
  /// @param master fp32, any shape
  /// @param grad fp32, the shape of master; not to be changed
  /// @param exp_avg,exp_avg_sq the moments, of the shape of master
  /// @param settings of this update
  virtual void update(
      at::Tensor& master,
      const at::Tensor& grad,
      at::Tensor& exp_avg,
      at::Tensor& exp_avg_sq,
      const Settings& settings) = 0;
};

} // namespace octet
