// What the child's lines say, and what became of its folders.
#include "sdk/conformance/supervise.h"

#include "sdk/conformance/child.h"
#include "sdk/conformance/file_state.h"

#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

namespace octet::conformance {
namespace {

namespace fs = std::filesystem;

/// What the program may take to reach its first check: it opens LibTorch from
/// a cold disk, which is not the plugin's fault.
constexpr int kSecondsToStart = 120;
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

/// The child's lines, as far as they were read.
struct Report {
  Outcome outcome;
  /// The check that has begun without an end.
  std::string open;
  bool begun = false, ended = false;

  void take(const std::string& text) {
    const auto line =
        nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.contains("begin")) {
      begun = true;
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
};

/// Reads all lines; each part of the child's life has a time limit of its own.
void follow(Child& child, int seconds, Report& report) {
  const auto in = [](int limit) {
    return std::chrono::steady_clock::now() + std::chrono::seconds(limit);
  };
  auto deadline = in(kSecondsToStart);
  while (const auto line = child.next_line(deadline)) {
    const bool begun = report.begun, ended = report.ended;
    report.take(*line);
    if (report.ended && !ended) {
      deadline = in(kSecondsToExit);
    } else if (report.begun && !begun) {
      deadline = in(seconds);
    }
  }
}

/// @param status nothing: it was killed at its deadline
std::string describe_end(
    const std::optional<int>& status,
    const Report& report,
    int seconds) {
  if (!status && report.ended) {
    return fmt::format(
        "all checks are done, but the process did not end within {} s after "
        "them",
        kSecondsToExit);
  }
  if (!status && !report.begun) {
    return fmt::format(
        "the process did not reach the first check within {} s",
        kSecondsToStart);
  }
  if (!status) {
    return fmt::format("did not end within {} s", seconds);
  }
  if (WIFSIGNALED(*status)) {
    return fmt::format(
        "ended the process by signal {} ({})",
        WTERMSIG(*status),
        ::strsignal(WTERMSIG(*status)));
  }
  return fmt::format("ended the process with status {}", WEXITSTATUS(*status));
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
  Child child(arguments, environment_in(sandbox), sandbox.folder("work"));
  Report report;
  follow(child, seconds, report);
  const std::optional<int> status = child.finish();
  Outcome outcome = std::move(report.outcome);
  if (!report.ended || status != 0) {
    outcome.rows.push_back(
        {report.open.empty() ? "process" : report.open,
         Verdict::failed,
         describe_end(status, report, seconds)});
  }
  outcome.rows.push_back(check_files(sandbox, folder, beside));
  return outcome;
}

} // namespace octet::conformance
