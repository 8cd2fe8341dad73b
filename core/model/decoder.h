// The decoder of all supported architectures: forward, backward written by
// hand (no autograd graph), generation. Sequences are packed behind one
// another, so nothing is ever padded.
//
// Shapes: n tokens of a microbatch, c hidden size, v vocabulary.
#pragma once

#include "core/data/batch.h"
#include "core/model/ledger.h"
#include "core/ops/op_table.h"
#include "core/resolve/plan.h"
#include "core/spec/model_spec.h"

#include <octet/feature.h>
#include <octet/precision.h>
#include <octet/tensors.h>

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace octet {

class WeightSet;
class KvCache;

struct DecoderOptions {
  at::ScalarType compute_dtype = at::kFloat;
  /// Whether the base weights are trained (masters in fp32) or frozen (stored
  /// in the compute dtype).
  bool train_base = true;
  /// Recompute each block in backward instead of keeping its activations.
  bool activation_checkpointing = false;
  uint64_t seed = 0;
  /// Rows of a microbatch are filled up with zeros to a multiple of this, so
  /// that few shapes of GEMMs occur: oneDNN compiles and keeps one kernel a
  /// shape. The zeros are a sequence of their own, without targets.
  int64_t row_multiple = 1;
  /// Where weights, activations and gradients are.
  at::Device device = at::kCPU;
  /// As in the plan's PlaceSettings.
  int64_t head_chunk_bytes = kHeadChunkBytes;
};

/// Sum over the targets that count, not yet divided by their number.
struct LossSum {
  double loss = 0;
  int64_t targets = 0;
};

/// Statistics of one site's Gemm; none for one that casts nothing.
struct SiteCasts {
  std::string site;
  std::vector<CastStatistics> casts;
};

class Decoder {
 public:
  /// Reads the weights of `weights` as described by `spec`, then asks
  /// `backend` for one Gemm a linear site that it accepts (others get the
  /// plain one in the compute dtype).
  /// @throws Failure(input) naming every missing, unexpected or misshapen
  /// tensor
  Decoder(
      ModelSpec spec,
      const WeightSet& weights,
      const DecoderOptions& options);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const ModelSpec& spec() const;
  OpTable& ops();

  /// Gives every accepted linear site its Gemm. Call before training.
  /// @returns entries for the ledger
  std::vector<LedgerEntry> use_backend(
      const std::string& name,
      PrecisionBackend& backend,
      const Plan& plan);
  /// An editor for one feature, checked against the plan.
  std::unique_ptr<ModelEditor> editor(
      const std::string& feature,
      const Plan& plan,
      std::vector<LedgerEntry>& ledger);

  /// Trainable parameters in a fixed order: the base's (when trained), then
  /// those that features added.
  std::vector<Parameter*> parameters();

  /// Forward and backward of one microbatch; adds to the gradients.
  /// @param grad_scale factor of the loss sum, i.e. 1 / targets of the step
  LossSum train_microbatch(
      const Microbatch& batch,
      const StepContext& context,
      double grad_scale);
  /// Forward alone.
  LossSum evaluate(const Microbatch& batch, const StepContext& context);
  /// @returns [n, v] in the compute dtype; for tests and small models
  at::Tensor logits(const Microbatch& batch, const StepContext& context);

  /// Generation: the next tokens of one sequence.
  /// @returns fp32 [v]: logits of the last token
  at::Tensor extend(
      const std::vector<int32_t>& tokens,
      KvCache& cache,
      const StepContext& context);
  std::unique_ptr<KvCache> new_cache() const;

  /// Calls of forward and backward of each site's Gemm since the last reset,
  /// for the check after the first step.
  std::map<std::string, CallCount> call_counts() const;
  void reset_call_counts();

  /// Hooks that features registered, to be run after each step.
  void run_step_hooks(const StepReport& report);

  /// The model as Hugging Face tensors: fp32 masters where trained, else the
  /// stored weight. @param merge_adapters adds every adapter's delta
  void export_tensors(
      bool merge_adapters,
      const std::function<void(const std::string&, const at::Tensor&)>& sink)
      const;

  /// What the casts of the last watched microbatch did, for every site that a
  /// plugin computes, in model order.
  std::vector<SiteCasts> cast_statistics() const;
  /// The plugin whose Gemm computes a site; empty for the core's own, and for
  /// a name that is no linear layer.
  std::string gemm_plugin(const std::string& site) const;

  /// State of every Gemm, prefixed with its site's name.
  State backend_state() const;
  void load_backend_state(const State& state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace octet
