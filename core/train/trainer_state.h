// What a checkpoint says about its run besides tensors: where it stands, and
// everything that must be the same (or be told) when it goes on.
#pragma once

#include "core/data/batch.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace octet {

struct TrainerState {
  /// Optimizer steps done.
  int64_t step = 0;
  int64_t total_steps = 0;
  Cursor cursor;
  uint64_t seed = 0;
  /// Loss of every step so far.
  std::vector<double> losses;
  int64_t tokens = 0;
  /// Seconds of training so far, over all processes.
  double seconds = 0;

  /// Every key of run.toml with its effective value.
  std::map<std::string, std::string> config;
  int64_t threads = 0;
  std::string cpu_capability, libtorch, octet;
  std::string data_digest;
  /// Plugin -> version.
  std::map<std::string, std::string> plugins;
  /// Weight files of the base model -> bytes.
  std::map<std::string, int64_t> model_files;
};

nlohmann::json to_json(const TrainerState& state);
/// @param origin names the file in messages
/// @throws Failure(input) for a missing key or a wrong type
TrainerState parse_trainer_state(
    const nlohmann::json& json,
    const std::string& origin);

/// What differs between a checkpoint and the program that resumes it.
struct ResumeDifferences {
  /// Sentences: with these the run could not go on as the same run.
  std::vector<std::string> fatal;
  /// Sentences: allowed, but the user must know.
  std::vector<std::string> notes;
};
ResumeDifferences compare_for_resume(
    const TrainerState& saved,
    const TrainerState& now);

} // namespace octet
