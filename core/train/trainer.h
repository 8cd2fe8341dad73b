// One training run from a resolved request to its result.
#pragma once

#include "core/data/loader.h"
#include "core/model/decoder.h"
#include "core/train/cast_watch.h"
#include "core/train/device.h"
#include "core/train/optimizer.h"
#include "core/train/phase_clock.h"
#include "core/train/run_directory.h"
#include "core/train/run_plugins.h"
#include "core/train/run_record.h"
#include "core/train/schedule.h"
#include "core/train/step.h"
#include "core/train/stop_signal.h"
#include "core/train/train_library.h"
#include "core/train/trainer_state.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace octet {

class Trainer {
 public:
  explicit Trainer(const TrainRequest& request);
  ~Trainer();

  /// The whole story: plan, data, model, steps, result.
  /// @throws Failure, Error; the run directory then says why it ended
  ExitCode run();

 private:
  void plan_run();
  void print_plan() const;
  void open_directory();
  void open_data();
  void build_model();
  void restore();
  void start();
  ExitCode train_all();
  void one_step();
  [[noreturn]] void stop_on(const StepResult& result, const StepBatch& batch);
  /// Does nothing about an error of another kind.
  void stop_without_memory(const std::exception& error);
  void look_at_casts();
  void evaluate_now();
  void save_checkpoint();
  void write_model(const std::filesystem::path& folder, bool final) const;
  void write_result();
  void finish(const std::string& outcome, bool success);
  void print_summary(const Rows& results) const;
  void record_failure(const std::string& what) noexcept;

  bool result_is_adapter() const;
  std::filesystem::path weights_path() const;
  std::string next_command() const;
  std::string newest_checkpoint_text() const;
  double seconds_left() const;
  Rows results() const;

  int64_t head_chunk_bytes() const;

  const TrainRequest& request_;
  const RunConfig& config_;
  RunDevice run_device_;
  at::Device device_ = at::kCPU;
  PhaseClock clock_;
  Environment environment_;

  ModelSpec spec_;
  RunPlugins plugins_;
  Plan plan_;
  std::unique_ptr<CastWatch> watch_;
  std::unique_ptr<RunDirectory> directory_;
  std::unique_ptr<RunRecord> record_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<const TokenizedData> data_;
  std::vector<Microbatch> eval_batches_;
  std::unique_ptr<Loader> loader_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Stepper> stepper_;
  std::optional<Schedule> schedule_;
  std::optional<CheckpointFolder> resumed_;
  std::unique_ptr<StopSignal> stop_;

  /// Where the run stands; goes into checkpoints as it is.
  TrainerState state_;
  std::string first_example_;
  /// What loading made of the stored weights.
  std::string weight_summary_;
  std::optional<EvalResult> last_eval_;
  int64_t last_eval_step_ = -1, last_checkpoint_step_ = -1;
  /// Of this process alone: steps, tokens and seconds within them.
  int64_t own_steps_ = 0, own_tokens_ = 0;
  double own_seconds_ = 0;
  /// Whether the first step was told to have run as planned.
  bool verified_ = false;
};

/// Optimizer steps of the whole run.
int64_t total_steps(const TrainSection& train, const Loader& loader);

} // namespace octet
