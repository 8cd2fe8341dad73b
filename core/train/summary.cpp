// How a run ends: the last event, the report, the lines on the console.
#include "core/report/plot.h"
#include "core/train/trainer.h"

#include <iostream>

#include <spdlog/fmt/fmt.h>

namespace octet {

namespace fs = std::filesystem;

Rows Trainer::results() const {
  Rows rows;
  if (!state_.losses.empty()) {
    rows.emplace_back(
        "final loss", fmt::format("{:.4f}", state_.losses.back()));
  }
  if (last_eval_) {
    rows.emplace_back(
        "evaluation loss", fmt::format("{:.4f}", last_eval_->loss));
    rows.emplace_back(
        "perplexity", fmt::format("{:.3f}", last_eval_->perplexity));
  }
  rows.emplace_back(
      "steps", fmt::format("{} of {}", state_.step, state_.total_steps));
  rows.emplace_back("tokens", fmt::format("{}", state_.tokens));
  rows.emplace_back("training time", format_duration(state_.seconds));
  if (own_seconds_ > 0) {
    rows.emplace_back(
        "speed",
        fmt::format(
            "{:.0f} tokens/s",
            static_cast<double>(own_tokens_) / own_seconds_));
  }
  rows.emplace_back("peak memory", format_bytes(read_memory_use().peak));
  if (!device_.is_cpu()) {
    rows.emplace_back(
        "peak GPU memory", format_bytes(peak_device_memory(device_)));
  }
  return rows;
}

std::string Trainer::next_command() const {
  return "trainer generate --model " + (*directory_ / "model").string() +
      " --prompt \"...\"";
}

void Trainer::print_summary(const Rows& rows) const {
  std::cout << "\n";
  for (const auto& [name, value] : rows) {
    std::cout << fmt::format("{:>16}  {}\n", name, value);
  }
  std::cout << fmt::format(
                   "{:>16}  {}\n",
                   "report",
                   (*directory_ / "report.html").string())
            << fmt::format(
                   "{:>16}  {}{}\n",
                   "result",
                   (*directory_ / "model").string(),
                   result_is_adapter() ? " (adapter)" : "")
            << fmt::format("{:>16}  {}\n", "try it", next_command())
            << std::flush;
}

void Trainer::finish(const std::string& outcome, bool success) {
  const std::string casts = watch_->closing_warning();
  if (!casts.empty()) {
    record_->warning(casts);
  }
  const Rows rows = results();
  nlohmann::json fields = {
      {"outcome", outcome},
      {"success", success},
      {"step", state_.step},
      {"tokens", state_.tokens},
      {"seconds", state_.seconds},
      {"peak_memory", read_memory_use().peak}};
  if (!device_.is_cpu()) {
    fields["peak_gpu_memory"] = peak_device_memory(device_);
  }
  if (!state_.losses.empty()) {
    fields["loss"] = state_.losses.back();
  }
  if (last_eval_) {
    fields["eval_loss"] = last_eval_->loss;
    fields["perplexity"] = last_eval_->perplexity;
  }
  record_->event("end", fields);

  RunReport report;
  report.name = config_.run.name;
  report.outcome = outcome;
  report.success = success;
  for (const auto& [name, value] : rows) {
    if (name != "steps" && name != "tokens") {
      report.highlights.emplace_back(name, value);
    }
  }
  report.resolution = "device: " + run_device_.text() + "\n" + describe(plan_);
  report.results = rows;
  report.watch_limits = watch_->limits();
  report.first_example = first_example_;
  report.environment = environment_.rows();
  for (const auto& [key, value] : config_.effective) {
    report.config.emplace_back(key, value);
  }
  if (success) {
    report.files.emplace_back(
        "model/",
        result_is_adapter() ? "the trained adapter (PEFT layout)"
                            : "the trained model (Hugging Face layout)");
    report.next_command = next_command();
  }
  for (const CheckpointFolder& folder : list_checkpoints(directory_->path())) {
    report.files.emplace_back(
        folder.path.filename().string() + "/",
        "state after step " + std::to_string(folder.step));
  }
  report.files.emplace_back(
      "resolution.json", "which plugin does what, and why");
  if (plan_.selection.measurement) {
    report.files.emplace_back(
        "timings.json", "the measured GEMMs; precision.timings reads them");
  }
  report.files.emplace_back("events.jsonl", "every step, one line each");
  report.files.emplace_back("tensorboard/", "the same for TensorBoard");
  report.files.emplace_back("loss.svg", "the plot above");
  record_->finish(std::move(report));
  if (success) {
    print_summary(rows);
  }
}

/// The directory must not hide a failure, and telling it must not hide the
/// failure itself.
void Trainer::record_failure(const std::string& what) noexcept {
  try {
    finish("stopped: " + what, false);
  } catch (const std::exception& error) {
    std::cerr << "the end of the run could not be recorded: " << error.what()
              << "\n";
  }
}

} // namespace octet
