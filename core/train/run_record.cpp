// Fan-out of a run's records.
#include "core/train/run_record.h"

#include "core/io/atomic_file.h"
#include "core/report/plot.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

namespace octet {
namespace {

std::filesystem::path made(const std::filesystem::path& folder) {
  std::error_code ignored; // the writer names the folder when it is not there
  std::filesystem::create_directories(folder, ignored);
  return folder;
}

} // namespace

RunRecord::RunRecord(
    const RunDirectory& directory,
    int64_t log_every,
    const at::Device& device)
    : directory_(directory),
      events_(directory / "events.jsonl"),
      tensorboard_(made(directory / "tensorboard")),
      log_every_(std::max<int64_t>(1, log_every)),
      device_(device) {
  progress_ = std::make_unique<ProgressLine>(
      std::cout,
      is_terminal(STDOUT_FILENO),
      log_every_,
      terminal_columns(STDOUT_FILENO),
      Style::standard_output());
}

RunRecord::~RunRecord() = default;

void RunRecord::event(const std::string& name, const nlohmann::json& fields) {
  events_.write(name, fields);
}

void RunRecord::step(
    int64_t step,
    int64_t total_steps,
    const StepResult& result,
    double seconds,
    double seconds_left,
    double epoch) {
  const MemoryUse memory = read_memory_use();
  const double speed = static_cast<double>(result.tokens) / seconds;
  nlohmann::json fields = {
      {"step", step},
      {"epoch", epoch},
      {"loss", result.loss},
      {"grad_norm", result.grad_norm},
      {"learning_rate", result.learning_rate},
      {"tokens", result.tokens},
      {"targets", result.targets},
      {"seconds", seconds},
      {"tokens_per_second", speed},
      {"memory", memory.resident},
      {"peak_memory", memory.peak}};
  if (!device_.is_cpu()) {
    fields["peak_gpu_memory"] = peak_device_memory(device_);
  }
  events_.write("step", fields);
  if (step % log_every_ == 0 || step == total_steps) {
    tensorboard_.scalar("train/loss", step, result.loss);
    tensorboard_.scalar("train/grad_norm", step, result.grad_norm);
    tensorboard_.scalar("train/learning_rate", step, result.learning_rate);
    tensorboard_.scalar("train/tokens_per_second", step, speed);
  }
  Progress progress;
  progress.step = step;
  progress.total_steps = total_steps;
  progress.loss = result.loss;
  progress.grad_norm = result.grad_norm;
  progress.learning_rate = result.learning_rate;
  progress.tokens_per_second = speed;
  progress.memory = memory.resident;
  progress.seconds_left = seconds_left;
  progress_->show(progress);
}

void RunRecord::eval(int64_t step, const EvalResult& result) {
  events_.write(
      "eval",
      {{"step", step},
       {"loss", result.loss},
       {"perplexity", result.perplexity},
       {"targets", result.targets}});
  tensorboard_.scalar("eval/loss", step, result.loss);
  tensorboard_.scalar("eval/perplexity", step, result.perplexity);
  progress_->note(fmt::format(
      "evaluation after step {}: loss {:.4f}, perplexity {:.3f}",
      step,
      result.loss,
      result.perplexity));
}

void RunRecord::watch(const WatchedStep& watched) {
  events_.write("watch", watch_fields(watched));
  for (const CastRecord& cast : watched.casts) {
    const std::string tag = "watch/" + cast.site + "/" + cast.tensor + "/";
    const auto scalar = [&](const char* name, double value) {
      // TensorBoard draws no infinity, which an exact cast's SQNR is.
      if (std::isfinite(value)) {
        tensorboard_.scalar(tag + name, watched.step, value);
      }
    };
    scalar("amax", cast.amax);
    scalar("scale", cast.scale);
    scalar("underflow", cast.underflow);
    scalar("overflow", cast.overflow);
    scalar("sqnr_db", cast.sqnr_db);
  }
}

void RunRecord::checkpoint(int64_t step, const std::filesystem::path& path) {
  events_.write("checkpoint", {{"step", step}, {"path", path.string()}});
  progress_->note("checkpoint saved: " + path.string());
}

void RunRecord::warning(const std::string& text) {
  warnings_.push_back(text);
  events_.write("warning", {{"text", text}});
  progress_->warning(text);
}

void RunRecord::note(const std::string& text) {
  progress_->note(text);
}

void RunRecord::finish(RunReport report) {
  progress_.reset();
  report.history = read_history(directory_ / "events.jsonl");
  report.watched = read_watch_history(directory_ / "events.jsonl");
  report.warnings = warnings_;
  write_file_atomically(
      directory_ / "loss.svg", loss_plot(report.history, report.name));
  write_file_atomically(directory_ / "report.html", render_report(report));
}

} // namespace octet
