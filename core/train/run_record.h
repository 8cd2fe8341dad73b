// Everything a run tells, to everyone who listens: the console, events.jsonl,
// TensorBoard, and at the end the plot and the report.
#pragma once

#include "core/report/environment.h"
#include "core/report/events.h"
#include "core/report/progress.h"
#include "core/report/report.h"
#include "core/report/tensorboard.h"
#include "core/train/device.h"
#include "core/train/run_directory.h"
#include "core/train/step.h"

#include <memory>
#include <string>
#include <vector>

namespace octet {

class RunRecord {
 public:
  /// @param log_every steps between console lines and TensorBoard records
  /// @param device whose memory the steps tell, beside the process's
  RunRecord(
      const RunDirectory& directory,
      int64_t log_every,
      const at::Device& device = at::kCPU);
  ~RunRecord();

  /// Writes an event of another kind as it is.
  void event(const std::string& name, const nlohmann::json& fields);
  void step(
      int64_t step,
      int64_t total_steps,
      const StepResult& result,
      double seconds,
      double seconds_left,
      double epoch);
  void eval(int64_t step, const EvalResult& result);
  /// To the events and TensorBoard: tags watch/<site>/<tensor>/<statistic>.
  void watch(const WatchedStep& watched);
  void checkpoint(int64_t step, const std::filesystem::path& path);
  /// On the console, in the events and in the report.
  void warning(const std::string& text);
  /// A line on the console that stays.
  void note(const std::string& text);

  /// Ends the progress line, writes loss.svg and report.html.
  /// @param report history and warnings are filled in here
  void finish(RunReport report);

 private:
  const RunDirectory& directory_;
  EventLog events_;
  TensorBoardWriter tensorboard_;
  std::unique_ptr<ProgressLine> progress_;
  std::vector<std::string> warnings_;
  int64_t log_every_;
  at::Device device_;
};

} // namespace octet
