// Formatting of the progress line and of the quantities in it.
#include "core/report/progress.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace octet {
namespace {

constexpr char kEraseLine[] = "\r\033[K";

} // namespace

MemoryUse read_memory_use() {
  std::ifstream status("/proc/self/status");
  MemoryUse use;
  std::string key;
  while (status >> key) {
    if (key == "VmRSS:" || key == "VmHWM:") {
      int64_t kib = 0;
      status >> kib;
      (key == "VmRSS:" ? use.resident : use.peak) = kib * 1024;
    }
    status.ignore(4096, '\n');
  }
  return use;
}

std::string format_bytes(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 999.5e6) {
    return fmt::format("{:.2f} GB", value / 1e9);
  }
  if (value >= 999.5e3) {
    return fmt::format("{:.0f} MB", value / 1e6);
  }
  return fmt::format("{:.0f} kB", value / 1e3);
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) {
    return "?";
  }
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) {
    return fmt::format("{} s", whole);
  }
  if (whole < 3600) {
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string format_progress(const Progress& progress) {
  const std::string total = std::to_string(progress.total_steps);
  return fmt::format(
      "step {:>{}}/{}  loss {:.4f}  grad {:.3f}  lr {:.2e}  {:.0f} tok/s  {}"
      "  {} left",
      progress.step,
      total.size(),
      total,
      progress.loss,
      progress.grad_norm,
      progress.learning_rate,
      progress.tokens_per_second,
      format_bytes(progress.memory),
      format_duration(progress.seconds_left));
}

ProgressLine::ProgressLine(
    std::ostream& out,
    bool terminal,
    int64_t every,
    size_t columns,
    const Style& style)
    : out_(out),
      terminal_(terminal),
      every_(std::max<int64_t>(1, every)),
      columns_(columns),
      style_(style) {}

ProgressLine::~ProgressLine() {
  if (!drawn_.empty()) {
    out_ << "\n" << std::flush;
  }
}

void ProgressLine::show(const Progress& progress) {
  if (terminal_) {
    // Cut before it is coloured: escapes take no columns.
    const std::string line = format_progress(progress).substr(0, columns_ - 1);
    const size_t step_end = std::min(line.find("  loss"), line.size());
    drawn_ = style_.bold(line.substr(0, step_end)) + line.substr(step_end);
    out_ << kEraseLine << drawn_ << std::flush;
    return;
  }
  const bool wanted = first_ || progress.step == progress.total_steps ||
      progress.step % every_ == 0;
  first_ = false;
  if (wanted) {
    out_ << format_progress(progress) << "\n" << std::flush;
  }
}

void ProgressLine::note(const std::string& text) {
  if (!drawn_.empty()) {
    out_ << kEraseLine;
  }
  out_ << text << "\n" << drawn_ << std::flush;
}

void ProgressLine::warning(const std::string& text) {
  note(style_.yellow("warning:") + " " + text);
}

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

size_t terminal_columns(int descriptor) {
  struct winsize size {};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) {
    return 80;
  }
  return size.ws_col;
}

} // namespace octet
