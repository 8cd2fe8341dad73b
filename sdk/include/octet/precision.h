// The interface of a precision backend: how the GEMMs of the model are done.
#pragma once

#include <octet/site.h>
#include <octet/step_context.h>
#include <octet/tensors.h>

#include <memory>

namespace octet {

/// Which gradients a backward has to produce.
struct GradRequest {
  /// Whether grad_x is wanted.
  bool input = true;
  /// fp32 [N, K] accumulator to add grad_w to; undefined when not wanted.
  at::Tensor weight;
};

/// What a precision backend builds for one site. The host counts every call
/// of forward and backward and compares the counts with the plan.
class Gemm {
 public:
  virtual ~Gemm() = default;

  /// y = x w^T, without bias.
  /// @param x [M, K] in the backend's compute dtype, contiguous
  /// @param saved where to keep what backward needs; null when none follows
  /// @returns [M, N] in the compute dtype
  virtual at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext& context,
      Saved* saved) = 0;

  /// @param grad_y [M, N] in the compute dtype, contiguous
  /// @returns grad_x [M, K] in the compute dtype, or an undefined tensor when
  /// `want.input` is false. Adds grad_w to `want.weight` where defined.
  virtual at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext& context,
      const GradRequest& want) = 0;

  /// State that belongs into a checkpoint, such as amax histories.
  virtual State state() const {
    return {};
  }
  virtual void load(const State&) {}
};

class PrecisionBackend {
 public:
  virtual ~PrecisionBackend() = default;

  /// Whether this backend computes the GEMM of `site`; asked once per site.
  virtual SiteVerdict accepts(const Site& site) const = 0;
  virtual std::unique_ptr<Gemm> make_gemm(const Site& site) = 0;

  virtual void end_microbatch(const StepContext&) {}
  virtual void end_step(const StepContext&) {}
};

} // namespace octet
