// How long the parts of a start took, counted from the start of the process.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace octet {

class PhaseClock {
 public:
  /// What was before this object counts as the phase "program".
  PhaseClock();

  /// Ends the current phase under this name; the next begins.
  void done(const std::string& phase);
  /// Phase -> seconds, in order.
  const std::vector<std::pair<std::string, double>>& phases() const {
    return phases_;
  }
  /// Since the process started.
  double seconds() const;

 private:
  std::chrono::steady_clock::time_point begin_, last_;
  double before_ = 0;
  std::vector<std::pair<std::string, double>> phases_;
};

} // namespace octet
