// Checkpoints: whole or absent, each file with its digest.
//
//   checkpoint-100/
//     model files           Hugging Face layout in fp32, or adapter files
//     optimizer.safetensors exp_avg, exp_avg_sq and the parameters' masters
//     plugin_state.safetensors
//     trainer_state.json
//     manifest.json         SHA-256 and size of every other file
#pragma once

#include "core/train/run_directory.h"
#include "core/train/trainer_state.h"

#include <octet/tensors.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace octet {

struct CheckpointContent {
  TrainerState state;
  /// Optimizer::state().
  State optimizer;
  /// Masters of the parameters that the model files do not hold in fp32.
  State parameters;
  /// States of the backend and the features.
  State plugins;
  /// Writes what other programs read into the folder.
  std::function<void(const std::filesystem::path&)> write_model;
};

/// Fills a temporary folder, flushes it, then gives it its name.
/// @throws Failure(failed): full disk, read-only folder; nothing is left then
void write_checkpoint(
    const std::filesystem::path& path,
    const CheckpointContent& content);

/// @returns what is wrong with a checkpoint, as one sentence; "" when whole
std::string find_damage(const std::filesystem::path& checkpoint);

/// The newest whole checkpoint of a run.
/// @param skipped gets a sentence for each newer one that is damaged
/// @throws Failure(input) when there is none
CheckpointFolder newest_whole_checkpoint(
    const std::filesystem::path& run,
    std::vector<std::string>& skipped);

/// Reads back what write_checkpoint wrote, except the model files.
/// @throws Failure(input)
CheckpointContent read_checkpoint(const std::filesystem::path& checkpoint);

/// Removes all but the newest `keep` checkpoints (0 = keeps all). The one of
/// `current_step` always stays.
void remove_old_checkpoints(
    const std::filesystem::path& run,
    int64_t keep,
    int64_t current_step);

} // namespace octet
