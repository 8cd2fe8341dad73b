// The child is spawned from the program's own file: a forked one would hang in
// LibTorch's thread pool. Its standard output becomes the standard error, so
// that a plugin that prints cannot spoil the table.
#include "sdk/conformance/supervise.h"

#include "sdk/conformance/file_state.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace octet::conformance {
namespace {

namespace fs = std::filesystem;

constexpr int kReport = 3;
/// What a process may take to end after its last check.
constexpr int kSecondsToExit = 30;

/// A folder for one child; gone with the object.
class Sandbox {
 public:
  Sandbox() {
    std::string pattern =
        fs::temp_directory_path() / "octet-conformance-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      fail(std::string("no temporary folder: ") + std::strerror(errno));
    }
    root_ = pattern;
    for (const char* name : {"work", "home", "tmp"}) {
      fs::create_directory(root_ / name);
    }
    // A user's file that is there already and has to stay as it is.
    std::ofstream(root_ / "home" / ".profile") << "# the user's own\n";
    before_ = files_in(root_, /*deep=*/true);
  }
  ~Sandbox() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  fs::path folder(const char* name) const {
    return root_ / name;
  }

  /// What happened to its files, or "".
  std::string changes() const {
    return file_changes(before_, files_in(root_, /*deep=*/true));
  }

 private:
  fs::path root_;
  FileState before_;
};

/// This process's environment with the places of a user's files moved.
std::vector<std::string> environment_in(const Sandbox& sandbox) {
  std::vector<std::string> result = {
      "HOME=" + sandbox.folder("home").string(),
      "TMPDIR=" + sandbox.folder("tmp").string(),
      "PWD=" + sandbox.folder("work").string()};
  for (char** item = environ; *item != nullptr; ++item) {
    const std::string text = *item;
    const std::string name = text.substr(0, text.find('='));
    if (name != "HOME" && name != "TMPDIR" && name != "PWD" &&
        name.rfind("XDG_", 0) != 0) {
      result.push_back(text);
    }
  }
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

pid_t spawn(
    std::vector<std::string> arguments,
    const Sandbox& sandbox,
    int report) {
  const std::string program = fs::canonical("/proc/self/exe");
  arguments.insert(arguments.begin(), {program, "--report-to-descriptor"});
  std::vector<std::string> environment = environment_in(sandbox);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, report, kReport);
  ::posix_spawn_file_actions_adddup2(&actions, 2, 1);
  ::posix_spawn_file_actions_addchdir_np(
      &actions, sandbox.folder("work").c_str());
  pid_t child = 0;
  const int error = ::posix_spawn(
      &child,
      program.c_str(),
      &actions,
      nullptr,
      pointers(arguments).data(),
      pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    fail(std::string("cannot start a child: ") + std::strerror(error));
  }
  return child;
}

/// What the child wrote, until it closed its end. @returns false at the
/// deadline
bool read_until_end(int report, int seconds, std::string& text) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - Clock::now());
    if (left.count() <= 0) {
      return false;
    }
    pollfd item{report, POLLIN, 0};
    const int ready = ::poll(&item, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    if (ready == 0) {
      return false;
    }
    char buffer[4096];
    const ssize_t got = ::read(report, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return true;
    }
    text.append(buffer, static_cast<size_t>(got));
  }
}

/// The child's wait status; it is killed `seconds` from now.
int wait_for(pid_t child, int seconds, bool& in_time) {
  int status = 0;
  for (int i = 0; i < seconds * 100; ++i) {
    if (::waitpid(child, &status, WNOHANG) == child) {
      return status;
    }
    ::usleep(10000);
  }
  in_time = false;
  ::kill(child, SIGKILL);
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string describe_end(int status, bool in_time, int seconds) {
  if (!in_time) {
    return fmt::format("did not end within {} s", seconds);
  }
  if (WIFSIGNALED(status)) {
    return fmt::format(
        "ended the process by signal {} ({})",
        WTERMSIG(status),
        ::strsignal(WTERMSIG(status)));
  }
  return fmt::format("ended the process with status {}", WEXITSTATUS(status));
}

/// Rows of the child's lines. @returns the check that has begun without an end
std::string
parse_lines(const std::string& text, Outcome& outcome, bool& ended) {
  std::string open;
  size_t begin = 0;
  for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const auto line = nlohmann::json::parse(
        text.substr(begin, end - begin), nullptr, /*allow_exceptions=*/false);
    if (line.contains("begin")) {
      open = line["begin"];
    } else if (line.contains("end")) {
      ended = true;
      outcome.usable = line["usable"];
    } else if (line.contains("check")) {
      const std::string verdict = line["verdict"];
      outcome.rows.push_back(
          {line["check"],
           verdict == "passed"       ? Verdict::passed
               : verdict == "failed" ? Verdict::failed
                                     : Verdict::skipped,
           line["reason"]});
      open.clear();
    }
  }
  return open;
}

Row check_files(
    const Sandbox& sandbox,
    const fs::path& folder,
    const FileState& before) {
  std::string changes = sandbox.changes();
  const std::string beside = file_changes(
      before, files_in(folder, /*deep=*/false), folder.string() + "/");
  changes += (changes.empty() || beside.empty() ? "" : "; ") + beside;
  return changes.empty() ? Row{"files", Verdict::passed, ""}
                         : Row{"files", Verdict::failed, "it " + changes};
}

} // namespace

bool Outcome::failed() const {
  return std::any_of(rows.begin(), rows.end(), [](const Row& row) {
    return row.verdict == Verdict::failed;
  });
}

Outcome supervise(
    const fs::path& file,
    const std::vector<std::string>& arguments,
    int seconds) {
  const Sandbox sandbox;
  const fs::path folder = file.parent_path();
  const FileState beside = files_in(folder, /*deep=*/false);
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    fail(std::string("no pipe: ") + std::strerror(errno));
  }
  const pid_t child = spawn(arguments, sandbox, ends[1]);
  ::close(ends[1]);
  std::string text;
  bool in_time = read_until_end(ends[0], seconds, text);
  ::close(ends[0]);
  const int status = wait_for(child, in_time ? kSecondsToExit : 0, in_time);
  Outcome outcome;
  bool ended = false;
  const std::string open = parse_lines(text, outcome, ended);
  if (!ended || !in_time || status != 0) {
    outcome.rows.push_back(
        {open.empty() ? "process" : open,
         Verdict::failed,
         describe_end(status, in_time, seconds)});
  }
  outcome.rows.push_back(check_files(sandbox, folder, beside));
  return outcome;
}

} // namespace octet::conformance
