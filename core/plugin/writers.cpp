// Walks a path part by part, as the kernel resolves it.
#include "core/plugin/writers.h"

#include <algorithm>
#include <deque>

namespace octet {
namespace {

namespace fs = std::filesystem;

/// As many links as Linux follows in one path.
constexpr int kMostLinks = 40;

bool has(fs::perms mode, fs::perms bit) {
  return mode != fs::perms::unknown && (mode & bit) != fs::perms::none;
}

class Walk {
 public:
  explicit Walk(const fs::path& file) {
    push(file);
  }

  std::vector<fs::path> open_paths() {
    int links = 0;
    look_at(at_, /*holds_file=*/parts_.size() <= 1);
    while (!parts_.empty()) {
      const fs::path part = parts_.front();
      parts_.pop_front();
      if (part == "..") {
        at_ = at_.parent_path();
        continue;
      }
      const fs::path next = at_ / part;
      std::error_code error;
      if (fs::is_symlink(next, error)) {
        if (++links > kMostLinks) {
          break;
        }
        follow(fs::read_symlink(next, error));
      } else {
        at_ = next;
      }
      if (error) {
        break;
      }
      look_at(at_, /*holds_file=*/parts_.size() == 1);
    }
    return std::move(open_);
  }

 private:
  /// The parts of `path` come next, before those that are left.
  void push(const fs::path& path) {
    std::deque<fs::path> parts;
    for (const fs::path& part : path.relative_path()) {
      if (!part.empty() && part != ".") {
        parts.push_back(part);
      }
    }
    parts_.insert(parts_.begin(), parts.begin(), parts.end());
  }

  void follow(const fs::path& target) {
    if (target.is_absolute()) {
      at_ = target.root_path();
    }
    push(target);
  }

  void look_at(const fs::path& path, bool holds_file) {
    std::error_code error;
    const fs::file_status status = fs::symlink_status(path, error);
    const fs::perms mode = status.permissions();
    if (error || !has(mode, fs::perms::others_write)) {
      return;
    }
    const bool safe =
        fs::is_directory(status) && has(mode, fs::perms::sticky_bit);
    const bool known =
        std::find(open_.begin(), open_.end(), path) != open_.end();
    if (!known && (!safe || holds_file)) {
      open_.push_back(path);
    }
  }

  /// Resolved so far: no links in it.
  fs::path at_ = "/";
  std::deque<fs::path> parts_;
  std::vector<fs::path> open_;
};

bool is_above(const fs::path& folder, const fs::path& file) {
  const auto [end, unused] =
      std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return end == folder.end();
}

} // namespace

std::vector<fs::path> paths_open_to_everybody(const fs::path& file) {
  return Walk(file).open_paths();
}

std::string writers_problem(const fs::path& file, const fs::path& program) {
  std::error_code error;
  const fs::path trainer = fs::canonical(program, error);
  std::string problem;
  for (const fs::path& path : paths_open_to_everybody(file)) {
    if (is_above(path, trainer)) {
      continue;
    }
    problem += (problem.empty() ? "" : "\n") + path.string() +
        " can be written by every user; run chmod o-w " + path.string();
  }
  return problem;
}

} // namespace octet
