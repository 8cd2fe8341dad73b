// The interface of a precision backend: how the GEMMs of the model are done.
#pragma once

#include <octet/site.h>
#include <octet/step_context.h>
#include <octet/tensors.h>

#include <memory>
#include <string>
#include <vector>

namespace octet {

/// Which gradients a backward has to produce.
struct GradRequest {
  /// Whether grad_x is wanted.
  bool input = true;
  /// fp32 [N, K] accumulator to add grad_w to; undefined when not wanted.
  at::Tensor weight;
};

/// What a cast to fewer bits did to one operand of a GEMM, for [watch].
struct CastStatistics {
  /// "input", "weight" or "grad_output".
  std::string tensor;
  /// Largest finite |x| before the cast.
  double amax = 0;
  /// Factor that x was multiplied with; the smallest one where rows differ.
  double scale = 0;
  /// Parts of the nonzero elements that became 0, and of all elements that
  /// were clamped to the largest value (or became infinite).
  /// @{
  double underflow = 0, overflow = 0;
  /// @}
  /// 20 log10(||x|| / ||x - cast(x)||), in dB; infinite for an exact cast.
  double sqnr_db = 0;
};

/// Sums and maxima over the ranks of a run.
class Collective {
 public:
  virtual ~Collective() = default;
  /// @returns this process, counted from 0
  virtual int64_t rank() const = 0;
  /// @returns the number of processes of the run
  virtual int64_t world_size() const = 0;
  /// Elementwise. Every rank calls it in the same order; it waits for all.
  /// @param tensor any shape, the same and of the same dtype on every rank;
  /// replaced by the largest values of all ranks
  virtual void all_reduce_max(at::Tensor& tensor) = 0;
  /// As all_reduce_max.
  /// @param tensor replaced by the sums over all ranks
  virtual void all_reduce_sum(at::Tensor& tensor) = 0;
};

/// What a precision backend builds for one site. The host counts every call
/// of forward and backward and compares the counts with the plan.
class Gemm {
 public:
  virtual ~Gemm() = default;

  /// y = x w^T, without bias.
  /// @param x [M, K] in the backend's compute dtype, contiguous; not to be
  /// changed
  /// @param w of the site, [N, K]; a copy in fewer bits may be kept for as long
  /// as its version stays
  /// @param context which step this is, whether a history may grow
  /// @param saved where to keep what backward needs; null when none follows
  /// @returns [M, N] in the compute dtype
  virtual at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext& context,
      Saved* saved) = 0;

  /// Called once for a forward that saved; several may wait for theirs.
  /// @param grad_y [M, N] in the compute dtype, contiguous; not to be changed
  /// @param saved what that forward kept; may be emptied
  /// @param w as in that forward, with the same values
  /// @param context which step this is
  /// @param want which of the two gradients
  /// @returns grad_x [M, K] in the compute dtype, or an undefined tensor when
  /// `want.input` is false. Adds grad_w to `want.weight` where defined.
  virtual at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext& context,
      const GradRequest& want) = 0;

  /// State that belongs into a checkpoint, such as amax histories.
  /// @returns names that are unique within this Gemm, tensors of any shape and
  /// dtype; may share memory with the state itself
  virtual State state() const {
    return {};
  }
  /// Takes what state() gave, before the first forward.
  virtual void load(const State&) {}

  /// What the casts of the last calls with `context.watch` did.
  /// @returns one row for each operand that was cast; none for a backend that
  /// casts nothing
  virtual std::vector<CastStatistics> statistics() const {
    return {};
  }
};

/// What create of a precision plugin makes.
class PrecisionBackend {
 public:
  virtual ~PrecisionBackend() = default;

  /// Whether this backend computes the GEMM of `site`; asked once per site,
  /// before any weight is read.
  /// @param site a linear layer or an embedding of the model
  /// @returns the same verdict for the same site and options
  virtual SiteVerdict accepts(const Site& site) const = 0;
  /// Called once for each site that the plan gives to this backend.
  /// @param site one that accepts() took
  /// @returns never null; dies before the backend
  virtual std::unique_ptr<Gemm> make_gemm(const Site& site) = 0;

  /// The ranks that share this run's statistics; called once, before the first
  /// step of a run with several ranks. Outlives the backend.
  virtual void use_collective(Collective&) {}

  /// After the backward of each microbatch.
  virtual void end_microbatch(const StepContext&) {}
  /// After each optimizer step.
  virtual void end_step(const StepContext&) {}
};

} // namespace octet
