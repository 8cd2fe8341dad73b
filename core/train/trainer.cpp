// How a run begins: plan, open, build, restore. Its steps: trainer_steps.cpp.
#include "core/train/trainer.h"

#include "core/base/problems.h"
#include "core/io/atomic_file.h"
#include "core/model/weight_set.h"
#include "core/train/added_parameters.h"
#include "core/train/checkpoint.h"
#include "core/train/entries.h"
#include "core/train/measured_auto.h"
#include "core/train/memory_estimate.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include <cmath>
#include <iostream>

namespace octet {

namespace fs = std::filesystem;

namespace {

/// At most this many rows less one are added to a microbatch. 64 rows are a few
/// per cent of a usual one and leave 16 shapes up to 1,024.
constexpr int64_t kRowMultiple = 64;

int use_threads(int64_t wanted, int64_t cores) {
  at::set_num_threads(static_cast<int>(wanted > 0 ? wanted : cores));
  return at::get_num_threads();
}

/// Weight files with their sizes: enough to notice another model, cheap
/// enough for a large one.
std::map<std::string, int64_t> weight_files(const fs::path& model) {
  std::map<std::string, int64_t> files;
  const auto add = [&](const fs::path& path) {
    files[path.filename()] = static_cast<int64_t>(fs::file_size(path));
  };
  if (!fs::is_directory(model)) {
    add(model);
    return files;
  }
  for (const auto& entry : fs::directory_iterator(model)) {
    if (entry.path().extension() == ".safetensors") {
      add(entry.path());
    }
  }
  return files;
}

} // namespace

int64_t total_steps(const TrainSection& train, const Loader& loader) {
  if (train.max_steps > 0) {
    return train.max_steps;
  }
  const double whole = std::floor(train.epochs);
  int64_t steps = 0;
  for (int64_t epoch = 0; epoch < static_cast<int64_t>(whole); ++epoch) {
    steps += loader.steps_in_epoch(epoch);
  }
  const double rest = train.epochs - whole;
  if (rest > 0) {
    const auto last =
        static_cast<double>(loader.steps_in_epoch(static_cast<int64_t>(whole)));
    steps += static_cast<int64_t>(std::ceil(rest * last));
  }
  return std::max<int64_t>(1, steps);
}

Trainer::Trainer(const TrainRequest& request)
    : request_(request), config_(request.config), run_device_(request.device) {
  // Before anything asks LibTorch about CUDA: it would stay disabled.
  device_ = open_device(run_device_);
  environment_ = read_environment();
  environment_.threads = use_threads(config_.run.threads, environment_.cores);
  environment_.cpu_capability = at::get_cpu_capability();
  environment_.libtorch = TORCH_VERSION;
  environment_.octet = OCTET_VERSION;
  environment_.gpu = run_device_.facts.name;
  environment_.gpu_rows = run_device_.rows();
}

Trainer::~Trainer() = default;

ExitCode Trainer::run() {
  plan_run();
  print_plan();
  if (request_.dry_run) {
    std::cout << "dry run: nothing was trained, nothing was written\n";
    return ExitCode::success;
  }
  open_directory();
  try {
    open_data();
    build_model();
    restore();
    start();
    return train_all();
  } catch (const std::exception& error) {
    stop_without_memory(error);
    record_failure(error.what());
    throw;
  }
}

/// A GPU is fast with few large products only.
int64_t Trainer::head_chunk_bytes() const {
  return device_.is_cpu() ? kHeadChunkBytes : int64_t{1} << 30;
}

void Trainer::plan_run() {
  clock_.done("device");
  spec_ = read_model_spec(config_.model.path);
  clock_.done("model header");
  Selection selection = request_.selection;
  plugins_ = create_plugins(selection);
  std::vector<SiteVerdicts> verdicts = ask_plugins(plugins_, spec_.sites());
  if (selection.reference) {
    clock_.done("plan");
    settle_measured_auto(
        config_,
        spec_,
        environment_,
        device_,
        head_chunk_bytes(),
        request_.resume,
        selection,
        verdicts);
    keep_backends(selection, plugins_);
    clock_.done("measurement");
  }
  plan_ = place_plugins(
      std::move(selection),
      spec_,
      verdicts,
      {config_.train.activation_checkpointing, head_chunk_bytes()});
  watch_ = std::make_unique<CastWatch>(config_.watch, plan_);
  clock_.done("plan");
}

void Trainer::print_plan() const {
  const Style style = Style::standard_output();
  std::cout << "device: " << run_device_.text() << "\n";
  std::cout << describe(plan_, style) << "\n";
  if (request_.dry_run) {
    std::cout << describe_sites(plan_, style) << "\n";
  }
  std::cout << describe(estimate_memory(config_, spec_, plan_)) << "\n"
            << std::flush;
}

void Trainer::open_directory() {
  directory_ =
      std::make_unique<RunDirectory>(config_.run.output, request_.resume);
  if (request_.resume) {
    std::vector<std::string> skipped;
    resumed_ = newest_whole_checkpoint(directory_->path(), skipped);
    record_ = std::make_unique<RunRecord>(
        *directory_, config_.train.log_every, device_);
    for (const std::string& reason : skipped) {
      record_->warning(reason);
    }
  } else {
    record_ = std::make_unique<RunRecord>(
        *directory_, config_.train.log_every, device_);
  }
  nlohmann::json resolution = to_json(plan_);
  resolution["device"] = to_json(run_device_);
  resolution["memory"] = to_json(estimate_memory(config_, spec_, plan_));
  write_file_atomically(
      *directory_ / "resolution.json", resolution.dump(2) + "\n");
  if (plan_.selection.measurement) {
    write_file_atomically(
        *directory_ / kTimingsFile,
        to_json(plan_.selection.measurement->timings).dump(2) + "\n");
  }
  const nlohmann::json run = {
      {"name", config_.run.name}, {"config", config_.effective}};
  write_file_atomically(*directory_ / "run.json", run.dump(2) + "\n");
}

void Trainer::open_data() {
  tokenizer_ = load_tokenizer(config_.model.path);
  clock_.done("tokenizer");
  RunData data = load_data(config_, *tokenizer_);
  eval_batches_ = data.eval.samples.empty()
      ? std::vector<Microbatch>()
      : evaluation_batches(data.eval, config_);
  first_example_ = data.train.first_example;
  data_ = std::make_shared<const TokenizedData>(std::move(data.train));
  loader_ = std::make_unique<Loader>(data_, config_);
  clock_.done("data");

  state_.total_steps = total_steps(config_.train, *loader_);
  state_.seed = config_.run.seed;
  state_.config = config_.effective;
  state_.threads = environment_.threads;
  state_.cpu_capability = environment_.cpu_capability;
  state_.libtorch = environment_.libtorch;
  state_.octet = environment_.octet;
  state_.data_digest = data_->digest;
  state_.plugins = plugin_versions(plan_.selection);
  state_.model_files = weight_files(config_.model.path);
  schedule_.emplace(config_.train, state_.total_steps);
  std::cout << "data: " << data_->samples.size() << " samples of "
            << data_->records << " records"
            << (data_->from_cache ? " (from the cache)" : "") << ", "
            << data_->truncated << " truncated, " << data_->dropped
            << " dropped, " << data_->bad_records << " bad; "
            << state_.total_steps << " steps\n\nfirst example:\n"
            << first_example_ << "\n\n"
            << std::flush;
}

/// A checkpoint of a run that trains the base holds its masters.
fs::path Trainer::weights_path() const {
  return resumed_ && plan_.trains_base ? resumed_->path : config_.model.path;
}

void Trainer::build_model() {
  DecoderOptions options;
  options.compute_dtype = plugins_.compute_dtype;
  options.train_base = plan_.trains_base;
  options.activation_checkpointing = config_.train.activation_checkpointing;
  options.seed = config_.run.seed;
  options.row_multiple = kRowMultiple;
  options.device = device_;
  options.head_chunk_bytes = head_chunk_bytes();
  const auto weights = open_weights(weights_path(), spec_);
  weight_summary_ = weights->summary();
  if (!weight_summary_.empty()) {
    record_->note("weights: " + weight_summary_);
  }
  decoder_ = std::make_unique<Decoder>(spec_, *weights, options);
  clock_.done("weights");
  AppliedPlan applied = apply_plugins(plugins_, plan_, *decoder_);
  optimizer_ =
      std::make_unique<Optimizer>(decoder_->parameters(), config_.train);
  stepper_ = std::make_unique<Stepper>(
      *decoder_,
      std::move(applied),
      *optimizer_,
      objective_of(config_.train.stage),
      config_.run.seed);
  clock_.done("plugins");
}

void Trainer::restore() {
  if (!resumed_) {
    return;
  }
  const CheckpointContent saved = read_checkpoint(resumed_->path);
  const ResumeDifferences found = compare_for_resume(saved.state, state_);
  Problems problems;
  for (const std::string& difference : found.fatal) {
    problems.add(difference);
  }
  problems.raise(ExitCode::usage, "resume", "this run cannot go on");
  for (const std::string& difference : found.notes) {
    record_->warning("resumed with a difference: " + difference);
  }
  restore_parameters(saved.parameters, spec_, *decoder_);
  optimizer_->load(saved.optimizer, saved.state.step);
  load_plugin_state(plugins_, saved.plugins, *decoder_);
  loader_->seek(saved.state.cursor);
  state_.step = saved.state.step;
  state_.cursor = saved.state.cursor;
  state_.losses = saved.state.losses;
  state_.tokens = saved.state.tokens;
  state_.seconds = saved.state.seconds;
  last_checkpoint_step_ = state_.step;
  record_->note("resumed from " + resumed_->path.string());
  clock_.done("checkpoint");
}

void Trainer::start() {
  stop_ = std::make_unique<StopSignal>();
  nlohmann::ordered_json phases;
  for (const auto& [name, seconds] : clock_.phases()) {
    phases[name] = std::round(seconds * 1000) / 1000;
  }
  record_->event(
      "start",
      {{"name", config_.run.name},
       {"resumed_step", state_.step},
       {"total_steps", state_.total_steps},
       {"config", config_.effective},
       {"plugins", state_.plugins},
       {"threads", environment_.threads},
       {"cpu", environment_.cpu},
       {"cpu_capability", environment_.cpu_capability},
       {"libtorch", environment_.libtorch},
       {"device", to_json(run_device_)},
       {"octet", environment_.octet},
       {"data_digest", state_.data_digest},
       {"weights", weight_summary_},
       {"phases", phases},
       {"seconds_to_first_forward", clock_.seconds()}});
  record_->event(
      "plan",
      {{"compute_dtype", plan_.compute_dtype},
       {"sites", plan_.sites.size()},
       {"total_parameters", plan_.total_parameters},
       {"trainable_parameters", plan_.trainable_parameters}});
}

ExitCode train(const TrainRequest& request) {
  return Trainer(request).run();
}

} // namespace octet
