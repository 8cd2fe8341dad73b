// The progress line of a run. On a terminal it redraws one line in place;
// elsewhere (a file, a pipe) it writes plain lines, few of them.
#pragma once

#include "core/base/terminal.h"

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

namespace octet {

/// What one progress line says.
struct Progress {
  int64_t step = 0, total_steps = 0;
  double loss = 0, grad_norm = 0, learning_rate = 0;
  double tokens_per_second = 0;
  /// Bytes.
  int64_t memory = 0;
  double seconds_left = 0;
};

/// Memory of this process in bytes: now (VmRSS) and at most (VmHWM).
struct MemoryUse {
  int64_t resident = 0, peak = 0;
};
MemoryUse read_memory_use();

/// "1.24 GB" (powers of ten, as disks and papers count).
std::string format_bytes(int64_t bytes);
/// "4 s", "3 min 20 s", "2 h 05 min".
std::string format_duration(double seconds);
/// "step 12/300  loss 1.2345  grad 0.81  lr 1.9e-04  2310 tok/s ..."
std::string format_progress(const Progress& progress);

class ProgressLine {
 public:
  /// @param terminal redraw in place, at most `columns` wide
  /// @param every without a terminal: only each `every`-th step is written
  /// @param style of the step's number and of warnings
  ProgressLine(
      std::ostream& out,
      bool terminal,
      int64_t every,
      size_t columns = 80,
      const Style& style = {});
  /// Leaves the cursor on a line of its own.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// The first and the last step are always written.
  void show(const Progress& progress);
  /// A line of text that stays, above the progress line.
  void note(const std::string& text);
  /// The same, marked as a warning.
  void warning(const std::string& text);

 private:
  std::ostream& out_;
  bool terminal_;
  int64_t every_;
  size_t columns_;
  Style style_;
  bool first_ = true;
  std::string drawn_;
};

/// Whether a file descriptor is a terminal, and how wide.
bool is_terminal(int descriptor);
size_t terminal_columns(int descriptor);

} // namespace octet
