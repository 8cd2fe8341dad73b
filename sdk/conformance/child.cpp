// See the header.
#include "sdk/conformance/child.h"

#include "sdk/conformance/check.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace octet::conformance {
namespace {

namespace fs = std::filesystem;

/// How often the child is asked whether it is still there.
constexpr int kSliceMilliseconds = 20;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

} // namespace

Child::Child(
    std::vector<std::string> arguments,
    std::vector<std::string> environment,
    const fs::path& folder) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    fail(std::string("no pipe: ") + std::strerror(errno));
  }
  report_ = ends[0];
  const std::string program = fs::canonical("/proc/self/exe");
  arguments.insert(arguments.begin(), {program, "--report-to-descriptor"});
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], kReport);
  // A group in the background must not ask the terminal for input.
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, 2, 1);
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  // A group of its own, so that what a plugin started can be ended too.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  const int error = ::posix_spawn(
      &process_,
      program.c_str(),
      &actions,
      &attributes,
      pointers(arguments).data(),
      pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  ::close(ends[1]);
  if (error != 0) {
    ::close(report_);
    fail(std::string("cannot start a child: ") + std::strerror(error));
  }
}

Child::~Child() {
  finish();
  if (report_ >= 0) {
    ::close(report_);
  }
}

std::optional<std::string> Child::next_line(Deadline deadline) {
  for (;;) {
    if (const size_t end = text_.find('\n'); end != std::string::npos) {
      std::string line = text_.substr(0, end);
      text_.erase(0, end + 1);
      return line;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return std::nullopt;
    }
    // Asked before the pipe is read, so that the last lines are not missed.
    const bool ended = has_ended();
    if (ended) {
      kill_group();
    }
    if (!read_some(ended ? 0 : kSliceMilliseconds) && ended) {
      return std::nullopt;
    }
  }
}

std::optional<int> Child::finish() {
  if (process_ < 0) {
    return std::nullopt;
  }
  const bool ended = has_ended();
  kill_group();
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  return ended ? std::optional<int>(status) : std::nullopt;
}

/// Leaves the ended child unreaped: as long as it is, its number is its
/// group's and nobody else's.
bool Child::has_ended() const {
  siginfo_t info{};
  return ::waitid(
             P_PID,
             static_cast<id_t>(process_),
             &info,
             WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == process_;
}

void Child::kill_group() const {
  ::kill(-process_, SIGKILL);
  // It may have left its group.
  ::kill(process_, SIGKILL);
}

/// @returns whether something came within that time
bool Child::read_some(int milliseconds) {
  // A closed pipe has the number -1, for which poll only waits.
  pollfd wanted{report_, POLLIN, 0};
  if (::poll(&wanted, 1, milliseconds) <= 0) {
    return false;
  }
  char buffer[4096];
  const ssize_t got = ::read(report_, buffer, sizeof(buffer));
  if (got > 0) {
    text_.append(buffer, static_cast<size_t>(got));
  } else if (got == 0) {
    ::close(report_);
    report_ = -1;
  }
  return got > 0;
}

void become_child() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::fcntl(kReport, F_SETFD, FD_CLOEXEC);
}

} // namespace octet::conformance
