// This program once more, in a process and a process group of its own. It
// writes lines into a pipe; what counts is that the process ended and not that
// the pipe did, which a process that a plugin left behind may hold open.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace octet::conformance {

/// The descriptor that a child writes its lines to.
constexpr int kReport = 3;

class Child {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Spawned from the program's own file: a forked process would hang in
  /// LibTorch's thread pool. Its standard output becomes the standard error,
  /// so that a plugin that prints cannot spoil the table.
  /// @param arguments what follows `octet_conformance --report-to-descriptor`
  /// @param environment NAME=VALUE, all of it
  /// @param folder its current folder
  Child(
      std::vector<std::string> arguments,
      std::vector<std::string> environment,
      const std::filesystem::path& folder);
  /// Ends the child and what it started.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Waits for the next line.
  /// @returns nothing when the child ended and all its lines were read, or at
  /// the deadline
  std::optional<std::string> next_line(Deadline deadline);

  /// Ends what still runs of the child's group.
  /// @returns the child's wait status, or nothing if it had to be killed
  std::optional<int> finish();

 private:
  bool has_ended() const;
  void kill_group() const;
  bool read_some(int milliseconds);

  pid_t process_ = -1;
  int report_ = -1;
  std::string text_;
};

/// The child's part, before anything of a plugin runs: it does not outlive the
/// program that started it, and what a plugin starts gets no report descriptor.
void become_child();

} // namespace octet::conformance
