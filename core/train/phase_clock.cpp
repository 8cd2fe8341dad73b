// The kernel knows when the process started, to 10 ms.
#include "core/train/phase_clock.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <unistd.h>

namespace octet {
namespace {

double seconds_since_process_start() {
  std::ifstream stat("/proc/self/stat"), uptime("/proc/uptime");
  std::string line;
  std::getline(stat, line);
  // The program's name may hold spaces; fields are counted after its ')'.
  const size_t end_of_name = line.rfind(')');
  if (end_of_name == std::string::npos) {
    return 0;
  }
  std::istringstream fields(line.substr(end_of_name + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) {
    fields >> skipped;
  }
  double start_ticks = 0, now = 0;
  fields >> start_ticks;
  uptime >> now;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return std::max(0.0, now - start_ticks / ticks);
}

double between(
    std::chrono::steady_clock::time_point from,
    std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

} // namespace

PhaseClock::PhaseClock()
    : begin_(std::chrono::steady_clock::now()),
      last_(begin_),
      before_(seconds_since_process_start()) {
  phases_.emplace_back("program", before_);
}

void PhaseClock::done(const std::string& phase) {
  const auto now = std::chrono::steady_clock::now();
  phases_.emplace_back(phase, between(last_, now));
  last_ = now;
}

double PhaseClock::seconds() const {
  return before_ + between(begin_, std::chrono::steady_clock::now());
}

} // namespace octet
