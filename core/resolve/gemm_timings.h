// Timings of the GEMMs of a model, by two backends: what a measurement yields,
// as data that can be stored and read again.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace octet {

/// y [M, N] = x [M, K] w [N, K]^T with its backward.
struct GemmShape {
  int64_t m = 0, n = 0, k = 0;
  /// Whether the gradient of the weight is computed too.
  bool trained = true;
  auto operator<=>(const GemmShape&) const = default;
};

/// "[512, 1536] x [576, 1536]^T, weight frozen"
std::string gemm_text(const GemmShape& shape);

struct GemmTiming {
  GemmShape shape;
  /// Medians of forward and backward with all quantization, in milliseconds
  /// a microbatch.
  double candidate_ms = 0, reference_ms = 0;
};

struct GemmTimings {
  /// Plugins, their versions, and the candidate's options as TOML.
  std::string candidate, candidate_version, reference, reference_version;
  std::map<std::string, std::string> options;
  /// Where it was measured: processor or GPU, LibTorch, Octet, CPU threads.
  std::string device, libtorch, octet;
  int64_t threads = 0;
  /// Microbatches of a step that share a quantized weight.
  int64_t microbatches = 1;
  std::vector<GemmTiming> shapes;
};

/// What one shape of the table decides.
struct ShapeVerdict {
  GemmTiming timing;
  /// reference / candidate: how many times as fast the candidate is.
  double ratio = 0;
  bool wins = false;
  /// "measured: 0.92x of bf16"
  std::string reason;
  /// Sites of this shape.
  int64_t sites = 0;
};

/// A measurement of a run with what it decided.
struct Measurement {
  GemmTimings timings;
  double margin = 0;
  /// "measured", or the file that the table was read from.
  std::string source;
  std::vector<ShapeVerdict> verdicts;
};

/// timings.json; its fields stand in docs/run-directory.md.
nlohmann::json to_json(const GemmTimings& timings);
/// @param origin the file, for messages
/// @throws Failure(input) for what is missing or no number
GemmTimings parse_timings(
    const nlohmann::json& json,
    const std::string& origin);
/// For resolution.json: the table with its verdicts.
nlohmann::json to_json(const Measurement& measurement);

/// What differs between a stored table and the run that reads it.
struct TimingDifferences {
  /// Sentences: the table is of something else.
  std::vector<std::string> fatal;
  /// Sentences: the table is used, but the user must know.
  std::vector<std::string> notes;
};
/// @param wanted what this run would measure; its times are not looked at
TimingDifferences compare_timings(
    const GemmTimings& stored,
    const GemmTimings& wanted);

} // namespace octet
