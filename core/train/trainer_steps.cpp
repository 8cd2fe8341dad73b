// A run from its first step to its result: steps, evaluations, checkpoints, and
// the ways in which a step ends a run.
#include "core/base/problems.h"
#include "core/io/atomic_file.h"
#include "core/plugin/plugin_call.h"
#include "core/train/added_parameters.h"
#include "core/train/checkpoint.h"
#include "core/train/memory_estimate.h"
#include "core/train/out_of_memory.h"
#include "core/train/result_folder.h"
#include "core/train/trainer.h"

#include <chrono>
#include <iostream>

namespace octet {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

} // namespace

ExitCode Trainer::train_all() {
  if (state_.step >= state_.total_steps) {
    record_->note(
        "the run has all its " + std::to_string(state_.total_steps) +
        " steps; raise train.epochs or train.max_steps to train on");
  }
  while (state_.step < state_.total_steps) {
    one_step();
    const bool last = state_.step == state_.total_steps;
    const auto due = [&](int64_t every) {
      return every > 0 && state_.step % every == 0;
    };
    if (!eval_batches_.empty() && (last || due(config_.eval.every))) {
      evaluate_now();
    }
    if (last || stop_->received() || due(config_.checkpoint.every)) {
      save_checkpoint();
    }
    if (stop_->received() && !last) {
      finish(
          "stopped by a signal after step " + std::to_string(state_.step),
          false);
      std::cout << "stopped; the state is saved, continue with --resume\n";
      return ExitCode::interrupted;
    }
  }
  write_result();
  finish("finished", true);
  return ExitCode::success;
}

void Trainer::one_step() {
  const StepBatch batch = loader_->next();
  const auto begin = Clock::now();
  const StepResult result = stepper_->step(
      batch,
      {state_.step + 1,
       schedule_->learning_rate(state_.step + 1),
       watch_->due(state_.step + 1)});
  if (!result.problem.empty()) {
    stop_on(result, batch);
  }
  const double seconds = seconds_since(begin);
  ++state_.step;
  state_.cursor = loader_->cursor();
  state_.losses.push_back(result.loss);
  state_.tokens += batch.token_count;
  state_.seconds += seconds;
  own_tokens_ += batch.token_count;
  own_seconds_ += seconds;
  ++own_steps_;
  if (result.skipped) {
    record_->warning(
        "step " + std::to_string(state_.step) +
        " had no token to train on and changed nothing");
    return;
  }
  if (!verified_) {
    // The stepper compared them before its update.
    verified_ = true;
    record_->event("verified", {{"slots", slot_counts(plan_)}});
  }
  record_->step(
      state_.step,
      state_.total_steps,
      result,
      seconds,
      seconds_left(),
      batch.epoch);
  if (watch_->due(state_.step)) {
    look_at_casts();
  }
}

void Trainer::look_at_casts() {
  const WatchedStep watched =
      watch_->record(state_.step, decoder_->cast_statistics());
  record_->watch(watched);
  for (const std::string& warning : watch_->new_warnings(watched)) {
    record_->warning(warning);
  }
}

double Trainer::seconds_left() const {
  return own_seconds_ / static_cast<double>(own_steps_) *
      static_cast<double>(state_.total_steps - state_.step);
}

void Trainer::stop_on(const StepResult& result, const StepBatch& batch) {
  std::string text =
      "step " + std::to_string(state_.step + 1) + ": " + result.problem;
  if (result.problem_microbatch >= 0) {
    const Microbatch& microbatch =
        batch.microbatches[static_cast<size_t>(result.problem_microbatch)];
    const size_t shown = std::min<size_t>(microbatch.tokens.size(), 24);
    const std::vector<int32_t> ids(
        microbatch.tokens.begin(),
        microbatch.tokens.begin() + static_cast<int64_t>(shown));
    text += " in microbatch " + std::to_string(result.problem_microbatch + 1) +
        " of " + std::to_string(batch.microbatches.size()) +
        ", which begins \"" + tokenizer_->decode(ids, false) + "\"";
  }
  text += ". The update was not made; " + newest_checkpoint_text() +
      ". Lower train.learning_rate (now " +
      std::to_string(result.learning_rate) +
      "), set train.max_grad_norm, or check the data and the base model";
  throw Failure(ExitCode::numeric, "train", text);
}

void Trainer::stop_without_memory(const std::exception& error) {
  const std::string text = without_frames(error.what());
  if (!is_out_of_memory(text)) {
    return;
  }
  const std::string where = stepper_
      ? "in step " + std::to_string(state_.step + 1)
      : "before the first step";
  const Failure failure(
      ExitCode::failed,
      "train",
      "out of memory " + where + ": " + text + "\n  " +
          describe(estimate_memory(config_, spec_, plan_)) +
          "\n  what needs less: " + ways_to_save_memory(config_, plan_) + "; " +
          newest_checkpoint_text());
  record_failure(failure.what());
  throw failure;
}

std::string Trainer::newest_checkpoint_text() const {
  const auto found = list_checkpoints(directory_->path());
  return found.empty() ? "there is no checkpoint yet"
                       : "the last checkpoint is " + found[0].path.string();
}

void Trainer::evaluate_now() {
  if (last_eval_step_ == state_.step) {
    return;
  }
  last_eval_ = evaluate(*decoder_, eval_batches_, config_.run.seed);
  last_eval_step_ = state_.step;
  record_->eval(state_.step, *last_eval_);
}

void Trainer::save_checkpoint() {
  if (last_checkpoint_step_ == state_.step) {
    return;
  }
  CheckpointContent content;
  content.state = state_;
  content.optimizer = optimizer_->state();
  content.parameters = added_parameters(spec_, *decoder_);
  content.plugins = plugin_state(plugins_, *decoder_);
  content.write_model = [this](const fs::path& folder) {
    write_model(folder, /*final=*/false);
  };
  const fs::path path = directory_->checkpoint(state_.step);
  write_checkpoint(path, content);
  last_checkpoint_step_ = state_.step;
  remove_old_checkpoints(
      directory_->path(), config_.checkpoint.keep, state_.step);
  record_->checkpoint(state_.step, path);
}

bool Trainer::result_is_adapter() const {
  return !plan_.trains_base && plugins_.adapter() != nullptr;
}

/// A checkpoint keeps fp32 masters apart from the adapter, so that a resumed
/// run has their bits; a result has the asked dtype.
void Trainer::write_model(const fs::path& folder, bool final) const {
  if (result_is_adapter()) {
    write_adapter_files(
        folder,
        plugins_.adapter()->feature->export_adapter(
            {fs::absolute(config_.model.path).string()}));
  } else {
    const at::ScalarType dtype =
        final ? export_dtype(config_.export_.dtype, spec_) : at::kFloat;
    write_model_files(folder, *decoder_, dtype, /*merge_adapters=*/final);
  }
  write_tokenizer_files(folder, *tokenizer_);
}

void Trainer::write_result() {
  AtomicFolder folder(*directory_ / "model");
  write_model(folder.temporary(), /*final=*/true);
  folder.commit();
}

} // namespace octet
