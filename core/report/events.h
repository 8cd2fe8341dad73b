// events.jsonl: what happened in a run, one JSON object a line, in the order
// of time. docs/run-directory.md lists the events and their fields.
#pragma once

#include "core/report/append_file.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

class EventLog {
 public:
  /// Appends to `path`. A line that a crash cut short is closed first, so
  /// that the next one stays readable.
  explicit EventLog(const std::filesystem::path& path);

  /// Writes {"event": name, "time": seconds since 1970, ...fields}. NaN and
  /// infinity, which JSON lacks, become the strings "nan", "inf", "-inf".
  void write(const std::string& name, const nlohmann::json& fields);

 private:
  AppendFile file_;
};

/// One optimizer step or evaluation as it stands in an event log.
struct StepRecord {
  int64_t step = 0;
  double loss = 0, grad_norm = 0, learning_rate = 0, tokens_per_second = 0;
};
struct EvalRecord {
  int64_t step = 0;
  double loss = 0, perplexity = 0;
};

/// The losses of a run, whatever number of processes wrote it.
struct History {
  std::vector<StepRecord> steps;
  std::vector<EvalRecord> evals;
};

/// Reads an event log. Steps that a resumed run did again count once, as done
/// last; lines that are not JSON are skipped. A missing file is an empty log.
History read_history(const std::filesystem::path& path);

} // namespace octet
