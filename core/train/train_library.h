// The door of liboctet_train.so. The program opens the library when a run
// needs tensors and calls through the one symbol `octet_train_library`, so
// that listing, help and config errors never pay for LibTorch's start.
#pragma once

#include "core/base/problems.h"
#include "core/config/run_config.h"
#include "core/cuda/run_device.h"
#include "core/plugin/catalog.h"
#include "core/resolve/selection.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace octet {

struct TrainRequest {
  RunConfig config;
  /// Where the run computes; its libraries are not loaded yet.
  RunDevice device;
  Selection selection;
  /// Continue from the newest whole checkpoint of the run directory.
  bool resume = false;
  /// Resolve, print the plan, stop.
  bool dry_run = false;
};

struct GenerateRequest {
  /// A Hugging Face folder, a .gguf file, or an adapter folder.
  std::filesystem::path model;
  /// The adapter's base model where it is not where the adapter says.
  std::optional<std::filesystem::path> base;
  std::vector<std::string> prompts;
  std::optional<std::string> system;
  std::string chat_template = "auto";
  bool raw = false; ///< no template: the prompt as it is
  int64_t max_new_tokens = 0;
  double temperature = 0; ///< 0 = greedy
  int64_t top_k = 0; ///< 0 = off
  double top_p = 1;
  uint64_t seed = 0;
  bool stream = true;
  bool json = false;
  int64_t threads = 0;
  Selection selection;
};

struct MergeRequest {
  std::filesystem::path adapter;
  std::optional<std::filesystem::path> base;
  std::filesystem::path output;
  std::string dtype = "auto";
};

/// The first three return the program's exit status; errors come as exceptions
/// (Failure, Error), which the program prints.
struct TrainLibrary {
  ExitCode (*train)(const TrainRequest&);
  ExitCode (*generate)(const GenerateRequest&, const Catalog&);
  ExitCode (*merge)(const MergeRequest&, const Catalog&);
  /// Loads what a CUDA device needs, lets it compute a sum, and fills in the
  /// versions.
  RunDevice (*examine_device)(const RunDevice&);
};

} // namespace octet

extern "C" __attribute__((visibility("default")))
const octet::TrainLibrary octet_train_library;
