// The parent's side: starts the child, reads a line a gate from it, and turns
// what ended it early into words.
#include "tools/trainer/plugin_gates.h"

#include "core/plugin/library_search.h"
#include "core/plugin/loaded_plugin.h"
#include "core/plugin/pins.h"
#include "tools/trainer/gate_protocol.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

extern char** environ;

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

/// Opening LibTorch from a cold disk may take a while; it is not the plugin's
/// fault.
constexpr std::chrono::seconds kLibTorchLimit{120};
/// How often the child is asked whether it is still there.
constexpr std::chrono::milliseconds kSlice{20};

std::string step_of(const std::string& gate) {
  return gate == "load" ? "its static constructors" : gate;
}

std::string ending(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const char* name = ::sigabbrev_np(signal);
    return "crashed: signal " + std::to_string(signal) + " (SIG" +
        (name != nullptr ? name : "?") + ")";
  }
  return "ended the program with status " + std::to_string(WEXITSTATUS(status));
}

/// "[plugin NAME (FILE)] probe crashed: ...; remove the plugin, ..." without
/// what is around it; "" for anything else.
std::string last_words(const std::string& line) {
  const size_t begin = line.find("] "), end = line.rfind("; remove the plugin");
  return line.rfind("[plugin ", 0) != 0 || begin == std::string::npos ||
          end == std::string::npos || end < begin
      ? ""
      : line.substr(begin + 2, end - begin - 2);
}

[[noreturn]] void cannot_start(int error) {
  throw Failure(
      ExitCode::failed,
      "plugins",
      std::string("cannot start a process to probe plugins in: ") +
          std::strerror(error));
}

} // namespace

class GateChild::Impl {
 public:
  Impl(const CatalogEntry& entry, const OptionTable& options, LastGate last)
      : last_(last) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      cannot_start(errno);
    }
    reports_ = ends[0];
    const int error = spawn(
        {"trainer",
         "plugins",
         "doctor",
         "--child",
         entry.path.string(),
         last == LastGate::create ? "create" : "probe",
         options_text(options),
         std::to_string(host_device()),
         pin_of(entry)},
        ends[1]);
    ::close(ends[1]);
    if (error != 0) {
      ::close(reports_);
      cannot_start(error);
    }
  }

  ~Impl() {
    end_child();
    ::close(reports_);
  }

  std::vector<GateResult> wait(const GateLimits& limits) {
    limits_ = limits;
    deadline_ = Clock::now() + kLibTorchLimit;
    while (!finished() && !late_ && !status_) {
      read_some();
    }
    if (finished() && last_ == LastGate::create) {
      wait_for_end();
    }
    end_child();
    complete();
    return std::move(results_);
  }

 private:
  int spawn(std::vector<std::string> command, int report) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // What a plugin prints is nobody's result.
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&actions, 0, 1);
    ::posix_spawn_file_actions_adddup2(&actions, 0, 2);
    ::posix_spawn_file_actions_adddup2(&actions, report, kReportDescriptor);
    // A group of its own, so that what a plugin started can be ended too.
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    std::vector<char*> arguments;
    for (std::string& argument : command) {
      arguments.push_back(argument.data());
    }
    arguments.push_back(nullptr);
    const int error = ::posix_spawn(
        &child_,
        "/proc/self/exe",
        &actions,
        &attributes,
        arguments.data(),
        environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    return error;
  }

  bool finished() const {
    const std::string end = last_ == LastGate::create ? "create" : "probe";
    return !results_.empty() &&
        (results_.back().gate == end || results_.back().status != "ok");
  }

  // Until a line came, the child ended, or a slice of time is over.
  void read_some() {
    pollfd wanted{reports_, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(kSlice.count()));
    if (ready > 0 && read_lines()) {
      return;
    }
    reap(WNOHANG);
    // What it wrote last may still be in the pipe.
    while (status_ && ::poll(&wanted, 1, 0) > 0 && read_lines()) {
    }
    late_ = Clock::now() > deadline_;
    if (ready > 0 && !status_) {
      // The pipe is closed but the process lives: do not spin.
      ::usleep(1000);
    }
  }

  // @returns false at the end of the pipe
  bool read_lines() {
    char buffer[4096];
    const ssize_t got = ::read(reports_, buffer, sizeof(buffer));
    if (got <= 0) {
      return got < 0 && errno == EINTR;
    }
    text_.append(buffer, static_cast<size_t>(got));
    for (size_t end = text_.find('\n'); end != std::string::npos;
         end = text_.find('\n')) {
      take(text_.substr(0, end));
      text_.erase(0, end + 1);
    }
    return true;
  }

  void take(const std::string& line) {
    if (const auto result = parse_report(line)) {
      if (result->gate == kReady) {
        ready_ = true;
      } else {
        results_.push_back(*result);
      }
      deadline_ = Clock::now() + limit();
    } else if (const std::string words = last_words(line); !words.empty()) {
      last_words_ = words;
    }
  }

  // A plugin whose statics crash at the end of the program is not fine either.
  void wait_for_end() {
    while (!status_ && Clock::now() < deadline_) {
      reap(WNOHANG);
      ::usleep(2000);
    }
    const bool clean =
        status_ && WIFEXITED(*status_) && WEXITSTATUS(*status_) == 0;
    if (!clean && results_.back().status == "ok") {
      results_.back().status = "failed";
      results_.back().reason = status_
          ? "the end of the program after it " + ending(*status_)
          : "the program did not end within " +
              std::to_string(limits_.others.count()) + " s after it";
    }
  }

  // Of the gate that comes next.
  std::chrono::seconds limit() const {
    return results_.empty() ? limits_.load : limits_.others;
  }

  void reap(int flags) {
    int status = 0;
    if (!status_ && ::waitpid(child_, &status, flags) == child_) {
      status_ = status;
    }
  }

  void end_child() {
    if (!status_) {
      ::kill(-child_, SIGKILL);
      ::kill(child_, SIGKILL);
      reap(0);
    }
  }

  // The gate at which it stopped, and those behind it.
  void complete() {
    std::vector<std::string> gates = {"load", "probe"};
    if (last_ == LastGate::create) {
      gates.emplace_back("create");
    }
    if (!finished()) {
      const std::string& gate = gates.at(results_.size());
      std::string how = last_words_;
      if (how.empty()) {
        // Until LibTorch is open, nothing of the plugin is.
        how = (ready_ ? step_of(gate)
                      : "the process for it, before the plugin was loaded,") +
            (late_ ? " gave no answer within " +
                     std::to_string(
                         (ready_ ? limit() : kLibTorchLimit).count()) +
                     " s"
                   : " " + ending(*status_));
      }
      results_.push_back({gate, "failed", how});
    }
    for (size_t i = results_.size(); i < gates.size(); ++i) {
      results_.push_back({gates[i], "not reached", ""});
    }
  }

  LastGate last_;
  pid_t child_ = -1;
  int reports_ = -1;
  GateLimits limits_{};
  Clock::time_point deadline_;
  bool late_ = false, ready_ = false;
  std::optional<int> status_;
  std::string text_, last_words_;
  std::vector<GateResult> results_;
};

GateChild::GateChild(
    const CatalogEntry& entry,
    const OptionTable& options,
    LastGate last)
    : impl_(std::make_unique<Impl>(entry, options, last)) {}

GateChild::~GateChild() = default;

std::vector<GateResult> GateChild::wait(const GateLimits& limits) {
  return impl_->wait(limits);
}

bool needs_libtorch(const CatalogEntry& entry) {
  return LibrarySearch(training_library_file())
      .check(entry.path)
      .needs_libtorch;
}

} // namespace octet
