// Ctrl-C: the first one asks the run to save and stop, the second ends the
// program at once.
#pragma once

namespace octet {

/// Handles SIGINT and SIGTERM while it lives. One object at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// Whether a signal came since the object was made.
  bool received() const;
};

} // namespace octet
