// The handler only sets a flag, or leaves through _exit: nothing else is safe
// in a signal handler.
#include "core/train/stop_signal.h"

#include "core/base/problems.h"

#include <csignal>

#include <unistd.h>

namespace octet {
namespace {

volatile std::sig_atomic_t signals_received = 0;

void on_signal(int) {
  if (signals_received != 0) {
    constexpr char kText[] = "\nstopped at once; nothing was saved\n";
    if (::write(STDERR_FILENO, kText, sizeof(kText) - 1) < 0) {
      // Nobody is there to be told.
    }
    ::_exit(static_cast<int>(ExitCode::interrupted));
  }
  signals_received = 1;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

} // namespace

StopSignal::StopSignal() {
  signals_received = 0;
  handle(SIGINT, on_signal);
  handle(SIGTERM, on_signal);
}

StopSignal::~StopSignal() {
  handle(SIGINT, SIG_DFL);
  handle(SIGTERM, SIG_DFL);
}

bool StopSignal::received() const {
  return signals_received != 0;
}

} // namespace octet
