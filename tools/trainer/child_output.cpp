// Two pipes, read as they fill.
#include "tools/trainer/child_output.h"

#include "core/base/problems.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ;

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostError = 2000;

struct Pipe {
  int reading = -1, writing = -1;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) {
      reading = ends[0];
      writing = ends[1];
    }
  }
  ~Pipe() {
    end_writing();
    if (reading >= 0) {
      ::close(reading);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void end_writing() {
    if (writing >= 0) {
      ::close(writing);
    }
    writing = -1;
  }
};

pid_t spawn(
    std::vector<std::string> command,
    const Pipe& out,
    const Pipe& err) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.writing, 1);
  ::posix_spawn_file_actions_adddup2(&actions, err.writing, 2);
  std::vector<char*> arguments;
  for (std::string& argument : command) {
    arguments.push_back(argument.data());
  }
  arguments.push_back(nullptr);
  pid_t child = -1;
  const int error = ::posix_spawn(
      &child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw Failure(
        ExitCode::failed,
        "trainer",
        std::string("cannot start a process: ") + std::strerror(error));
  }
  return child;
}

/// @returns false at the end of the pipe
bool read_some(int descriptor, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
  if (got > 0) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return got > 0 || (got < 0 && errno == EINTR);
}

} // namespace

ChildOutput run_self(
    const std::vector<std::string>& arguments,
    std::chrono::seconds limit) {
  std::vector<std::string> command = {"trainer"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Pipe out, err;
  const pid_t child = spawn(command, out, err);
  out.end_writing();
  err.end_writing();
  ChildOutput result;
  const auto deadline = Clock::now() + limit;
  std::array<pollfd, 2> wanted = {
      pollfd{out.reading, POLLIN, 0}, pollfd{err.reading, POLLIN, 0}};
  bool late = false;
  while (!late && (wanted[0].fd >= 0 || wanted[1].fd >= 0)) {
    ::poll(wanted.data(), wanted.size(), 100);
    for (size_t i = 0; i < wanted.size(); ++i) {
      std::string& text = i == 0 ? result.out : result.err;
      if (wanted[i].revents != 0 && !read_some(wanted[i].fd, text)) {
        wanted[i].fd = -1;
      }
    }
    late = Clock::now() > deadline;
  }
  if (late) {
    ::kill(child, SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  result.status = late    ? -1
      : WIFEXITED(status) ? WEXITSTATUS(status)
                          : 128 + WTERMSIG(status);
  if (result.err.size() > kMostError) {
    result.err.erase(0, result.err.size() - kMostError);
  }
  return result;
}

} // namespace octet
