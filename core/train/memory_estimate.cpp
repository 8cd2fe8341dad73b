// The parts of the estimate.
#include "core/train/memory_estimate.h"

#include "core/report/progress.h"

#include <nlohmann/json.hpp>

namespace octet {

MemoryEstimate estimate_memory(
    const RunConfig& config,
    const ModelSpec& spec,
    const Plan& plan) {
  const int64_t compute = plan.compute_dtype == "fp32" ? 4 : 2;
  const int64_t base = spec.parameter_count();
  const int64_t trained = plan.trainable_parameters;
  MemoryEstimate estimate;
  // Trained weights are fp32 masters with a cast copy for the GEMMs.
  const int64_t cast = compute == 4 ? 0 : compute;
  estimate.weights = plan.trains_base ? base * 4 : base * compute;
  estimate.weights += plan.trains_base ? trained * cast : trained * (4 + cast);
  estimate.gradients = trained * 4;
  estimate.optimizer = trained * 8;

  // What backward needs of a layer, in elements a token: two norms' inputs,
  // q, k, v, attention's output, gate, up and their product, their inputs.
  const int64_t attention = spec.heads * spec.head_size;
  const int64_t keys = spec.kv_heads * spec.head_size;
  const int64_t layer = 4 * spec.hidden_size + 2 * attention + 2 * keys +
      3 * spec.intermediate_size;
  const int64_t tokens = config.train.batch_size * config.data.max_length;
  const int64_t kept = config.train.activation_checkpointing
      ? spec.layers * spec.hidden_size + layer
      : spec.layers * layer;
  // The head computes 64 MB of fp32 logits at a time and their gradient.
  estimate.activations = tokens * kept * compute + 2 * (int64_t{64} << 20);
  estimate.program = 220'000'000;
  return estimate;
}

nlohmann::json to_json(const MemoryEstimate& estimate) {
  return {
      {"weights", estimate.weights},
      {"gradients", estimate.gradients},
      {"optimizer", estimate.optimizer},
      {"activations", estimate.activations},
      {"program", estimate.program},
      {"total", estimate.total()}};
}

std::string describe(const MemoryEstimate& estimate) {
  return "memory estimate: about " + format_bytes(estimate.total()) +
      " (weights " + format_bytes(estimate.weights) + ", gradients " +
      format_bytes(estimate.gradients) + ", optimizer " +
      format_bytes(estimate.optimizer) + ", activations " +
      format_bytes(estimate.activations) + ", program " +
      format_bytes(estimate.program) + ")";
}

} // namespace octet
