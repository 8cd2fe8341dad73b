// The folder of one run: who may use it, what stands in it, how it is locked.
//
//   runs/identity/
//     resolution.json  run.json  events.jsonl  tensorboard/  loss.svg
//     report.html  checkpoint-100/  model/  run.lock
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace octet {

struct CheckpointFolder {
  int64_t step = 0;
  std::filesystem::path path;
};

class RunDirectory {
 public:
  /// Creates the folder, or takes one in which no step was done yet, and locks
  /// it; `resume` takes one that holds a run.
  /// @throws Failure(usage) when it holds another run or other files, when
  /// there is nothing to resume, or when another trainer works in it
  /// @throws Failure(failed) when it cannot be created or written
  RunDirectory(std::filesystem::path path, bool resume);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const {
    return path_;
  }
  std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }
  std::filesystem::path checkpoint(int64_t step) const;

 private:
  void refuse_other_content(bool resume) const;
  void lock();
  void remove_leftovers() const;

  std::filesystem::path path_;
  int lock_ = -1;
};

/// The checkpoint-N folders of a run, newest first, whole or not.
std::vector<CheckpointFolder> list_checkpoints(
    const std::filesystem::path& run);

} // namespace octet
