// The ends of a plugin's call that are not a return; see the header.
#include "core/plugin/plugin_call.h"

#include <unistd.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>

namespace octet {

namespace detail {
std::atomic<const CallPlace*> current_call{nullptr};
} // namespace detail

namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::string_view kAdvice = "; remove the plugin, or tell its author";

std::atomic<int> last_line_descriptor{STDERR_FILENO};
std::array<struct sigaction, NSIG> actions_before;
std::terminate_handler terminate_before = nullptr;

// Puts parts together without allocating: a signal handler calls it too.
class LastLine {
 public:
  LastLine& operator<<(std::string_view text) {
    const size_t size = std::min(text.size(), text_.size() - size_ - 1);
    std::memcpy(text_.data() + size_, text.data(), size);
    size_ += size;
    return *this;
  }
  LastLine& operator<<(int number) {
    std::array<char, 12> digits{};
    size_t at = digits.size();
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    return *this << std::string_view(digits.data() + at, digits.size() - at);
  }
  void write() {
    text_[size_++] = '\n';
    const ssize_t written =
        ::write(last_line_descriptor.load(), text_.data(), size_);
    static_cast<void>(written);
    size_ = 0;
  }

 private:
  std::array<char, 2048> text_{};
  size_t size_ = 0;
};

LastLine& begin(LastLine& line, const CallPlace& place) {
  line << "[plugin " << place.plugin << "] " << place.step;
  if (*place.site != '\0') {
    line << " of " << place.site;
  }
  return line << " ";
}

const char* signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? name : "?";
}

// Says who it was, then leaves the signal to whoever had it: the default (a
// core file and the status of a crash) or a sanitizer.
void on_signal(int signal, siginfo_t* info, void*) {
  const int error = errno;
  if (const CallPlace* place = detail::current_call.load()) {
    LastLine line;
    begin(line, *place) << "crashed: signal " << signal << " (SIG"
                        << signal_name(signal) << ")" << kAdvice;
    line.write();
  }
  ::sigaction(signal, &actions_before[static_cast<size_t>(signal)], nullptr);
  errno = error;
  // A fault happens again on return; a signal that was sent does not.
  if (info->si_code <= 0) {
    ::raise(signal);
  }
}

[[noreturn]] void end(const CallPlace& place, const std::string& how) {
  std::cout.flush();
  std::fflush(nullptr);
  LastLine line;
  begin(line, place) << how << kAdvice;
  line.write();
  ::_exit(static_cast<int>(place.code));
}

void at_exit() {
  if (const CallPlace* place = detail::current_call.load()) {
    end(*place, "ended the program");
  }
}

// An exception comes through dlopen to its caller, except under
// AddressSanitizer whose dlopen ends here.
[[noreturn]] void at_terminate() {
  const CallPlace* place = detail::current_call.load();
  if (place == nullptr) {
    terminate_before();
    std::abort();
  }
  if (std::current_exception() != nullptr) {
    end(*place, "threw: " + current_exception_text());
  }
  end(*place, "called std::terminate");
}

// A stack of its own, so that an overflow of the usual one can be told too.
void use_alternative_stack() {
  stack_t stack{};
  if (::sigaltstack(nullptr, &stack) == 0 && (stack.ss_flags & SS_DISABLE)) {
    static std::array<char, 64 << 10> space;
    stack = {space.data(), 0, space.size()};
    ::sigaltstack(&stack, nullptr);
  }
}

} // namespace

std::string CallPlace::text() const {
  return std::string(step) + (*site == '\0' ? "" : " of ") + site;
}

void detail::rethrow_named(const CallPlace& place) {
  ExitCode code = place.code;
  try {
    throw;
  } catch (const PluginFailure&) {
    throw;
  } catch (const Failure& failure) {
    code = failure.code();
  } catch (...) {
  }
  std::string text = current_exception_text();
  // A plugin that names itself need not be named twice.
  const std::string own = std::string("[") + place.plugin + "] ";
  if (text.rfind(own, 0) == 0) {
    text.erase(0, own.size());
  }
  throw PluginFailure(
      code,
      std::string("plugin ") + place.plugin,
      place.text() + " failed: " + text);
}

std::string without_frames(const std::string& text) {
  std::string kept = text.substr(0, text.find("\nException raised from "));
  kept.erase(kept.find_last_not_of(" \n") + 1);
  return kept;
}

std::string current_exception_text() {
  try {
    throw;
  } catch (const std::exception& error) {
    return without_frames(error.what());
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

void watch_plugin_calls() {
  static const bool once = [] {
    use_alternative_stack();
    std::atexit(at_exit);
    std::at_quick_exit(at_exit);
    terminate_before = std::set_terminate(at_terminate);
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (const int signal : kSignals) {
      ::sigaction(
          signal, &action, &actions_before[static_cast<size_t>(signal)]);
    }
    return true;
  }();
  static_cast<void>(once);
}

void send_last_line_to(int descriptor) {
  last_line_descriptor = descriptor;
}

class CallLimit::Watch {
 public:
  Watch(const CallPlace& place, std::chrono::milliseconds limit)
      : thread_([this, place, limit] { wait(place, limit); }) {}
  ~Watch() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void wait(const CallPlace& place, std::chrono::milliseconds limit) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, limit, [this] { return done_; })) {
      LastLine line;
      begin(line, place) << "gave no answer within "
                         << static_cast<int>(limit.count() / 1000) << " s"
                         << kAdvice;
      line.write();
      ::_exit(static_cast<int>(place.code));
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

CallLimit::CallLimit(const CallPlace& place, std::chrono::milliseconds limit)
    : watch_(std::make_unique<Watch>(place, limit)) {}

CallLimit::~CallLimit() = default;

} // namespace octet
