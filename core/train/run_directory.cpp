// Creation, checks and the lock of a run directory.
#include "core/train/run_directory.h"

#include "core/base/problems.h"
#include "core/report/events.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace octet {

namespace fs = std::filesystem;

namespace {

constexpr char kCheckpointPrefix[] = "checkpoint-";

const std::set<std::string>& names_of_a_run() {
  static const std::set<std::string> kNames = {
      "resolution.json",
      "run.json",
      "events.jsonl",
      "tensorboard",
      "loss.svg",
      "report.html",
      "model",
      "run.lock"};
  return kNames;
}

/// The number of a checkpoint folder's name, or -1.
int64_t checkpoint_step(const std::string& name) {
  if (!name.starts_with(kCheckpointPrefix)) {
    return -1;
  }
  const char* begin = name.data() + sizeof(kCheckpointPrefix) - 1;
  const char* end = name.data() + name.size();
  int64_t step = -1;
  const auto [last, error] = std::from_chars(begin, end, step);
  return error == std::errc() && last == end && step >= 0 ? step : -1;
}

/// What an unfinished write leaves when the program is killed.
bool is_leftover(const std::string& name) {
  return name.starts_with(".") && name.find(".partial-") != std::string::npos;
}

bool holds_steps(const fs::path& path) {
  return !list_checkpoints(path).empty() || fs::exists(path / "model") ||
      !read_history(path / "events.jsonl").steps.empty();
}

[[noreturn]] void refuse(const std::string& text) {
  throw Failure(ExitCode::usage, "run", text);
}

} // namespace

RunDirectory::RunDirectory(fs::path path, bool resume)
    : path_(std::move(path)) {
  std::error_code error;
  if (resume && !fs::exists(path_, error)) {
    refuse(
        "expected a run to continue in " + path_.string() +
        ", found no such folder; check run.output, or start without --resume");
  }
  fs::create_directories(path_, error);
  if (error) {
    throw Failure(
        ExitCode::failed,
        "run",
        "expected to create the run directory " + path_.string() + ", got: " +
            error.message() + "; choose a run.output that you may write to");
  }
  refuse_other_content(resume);
  lock();
  remove_leftovers();
  if (!resume) {
    fs::remove(path_ / "events.jsonl", error);
    fs::remove_all(path_ / "tensorboard", error);
  }
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) {
    // Before the lock goes: else a trainer that waits could lose its file.
    ::unlink((path_ / "run.lock").c_str());
    ::close(lock_);
  }
}

fs::path RunDirectory::checkpoint(int64_t step) const {
  return path_ / (kCheckpointPrefix + std::to_string(step));
}

void RunDirectory::refuse_other_content(bool resume) const {
  std::vector<std::string> foreign;
  for (const auto& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename();
    if (!names_of_a_run().contains(name) && checkpoint_step(name) < 0 &&
        !is_leftover(name)) {
      foreign.push_back(name);
    }
  }
  if (resume) {
    return;
  }
  if (holds_steps(path_)) {
    refuse(
        "expected an empty run directory, but " + path_.string() +
        " holds a run; continue it with --resume, choose another run.output, "
        "or remove the folder");
  }
  if (!foreign.empty()) {
    std::sort(foreign.begin(), foreign.end());
    foreign.resize(std::min<size_t>(foreign.size(), 5));
    refuse(
        "expected an empty run directory, but " + path_.string() +
        " holds other files (" + join_names(foreign) +
        "); choose another run.output");
  }
}

void RunDirectory::lock() {
  const fs::path file = path_ / "run.lock";
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    throw Failure(
        ExitCode::failed,
        "run",
        "expected to write in the run directory " + path_.string() +
            ", got: " + std::strerror(errno) +
            "; make it writable, or choose another run.output");
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> owner{};
    const ssize_t length = ::pread(lock_, owner.data(), owner.size() - 1, 0);
    ::close(lock_);
    lock_ = -1;
    refuse(
        "another trainer" +
        (length > 0 ? " (process " + std::string(owner.data()) + ")" : "") +
        " works in " + path_.string() +
        "; wait until it ends, or choose another run.output");
  }
  const std::string owner = std::to_string(::getpid());
  if (::ftruncate(lock_, 0) != 0 ||
      ::pwrite(lock_, owner.data(), owner.size(), 0) < 0) {
    // The text only helps the message above; the lock holds without it.
  }
}

void RunDirectory::remove_leftovers() const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (is_leftover(entry.path().filename())) {
      fs::remove_all(entry.path(), ignored);
    }
  }
}

std::vector<CheckpointFolder> list_checkpoints(const fs::path& run) {
  std::vector<CheckpointFolder> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run, error)) {
    const int64_t step = checkpoint_step(entry.path().filename());
    if (step >= 0 && entry.is_directory(error)) {
      found.push_back({step, entry.path()});
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.step > b.step;
  });
  return found;
}

} // namespace octet
