// What the loader hands to the training step: packed token sequences without
// any padding.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octet {

/// Targets that do not count for the loss.
inline constexpr int64_t kIgnoreTarget = -100;

/// Several sequences behind one another; they never see each other.
struct Microbatch {
  /// [n]
  std::vector<int64_t> tokens;
  /// [n]: the token to predict at this position, i.e. the label of the next
  /// position of the same sequence, or kIgnoreTarget.
  std::vector<int64_t> targets;
  /// [n]: position within the sequence, from 0.
  std::vector<int64_t> positions;
  /// [sequences + 1]: boundaries, first 0, last n.
  std::vector<int64_t> cu_seqlens;
  /// Targets that count.
  int64_t target_count = 0;
};

/// All microbatches of one optimizer step.
struct StepBatch {
  std::vector<Microbatch> microbatches;
  int64_t target_count = 0;
  int64_t token_count = 0;
  /// Epochs done before this step, as a fraction.
  double epoch = 0;
};

/// Where a loader stands; part of a checkpoint. The order of an epoch is a
/// function of the seed and the epoch, so two numbers suffice.
struct Cursor {
  int64_t epoch = 0;
  /// Rows of this epoch that were handed out.
  int64_t row = 0;
};

} // namespace octet
