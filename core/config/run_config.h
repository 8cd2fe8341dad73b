// The typed form of run.toml. Defaults, ranges and help texts stand in the
// schema (schema.h), not here; a RunConfig is complete and valid.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace octet {

/// Where a value was written, for messages: "run.toml:14" or "--set".
struct SourcePlace {
  std::string file;
  int line = 0;
  std::string text() const {
    return line > 0 ? file + ":" + std::to_string(line) : file;
  }
};

/// A value of a plugin's table, checked later against its manifest.
struct OptionValue {
  std::variant<bool, int64_t, double, std::string, std::vector<std::string>>
      value;
  SourcePlace place;
};

/// A plugin's table: [precision.<name>] or [features.<name>].
struct OptionTable {
  std::map<std::string, OptionValue> values;
  SourcePlace place;
};

struct RunSection {
  std::string name;
  std::filesystem::path output;
  uint64_t seed = 0;
  /// CPU threads; 0 = as many as the process may use.
  int64_t threads = 0;
  /// auto, cpu, cuda, cuda:N
  std::string device = "auto";
  /// Holds torch/lib/libtorch_cuda.so; empty = the usual places.
  std::filesystem::path cuda_libraries;
};

struct ModelSection {
  /// A Hugging Face folder or a .gguf file.
  std::filesystem::path path;
};

/// One data set of data.train or data.eval.
struct DataSetConfig {
  std::filesystem::path path;
  /// auto, alpaca, sharegpt, messages, text
  std::string format = "auto";
  /// Column names that differ from the format's: {"prompt": "question"}.
  std::map<std::string, std::string> columns;
  /// How often the set counts per epoch: 0.5 takes half, 2 takes all twice.
  double weight = 1.0;
  /// 0 = all records.
  int64_t max_records = 0;
  SourcePlace place;
};

/// A template written in run.toml ([data.custom_template]).
struct TemplateConfig {
  std::string prefix;
  std::string system;
  std::string user;
  std::string assistant;
  std::string default_system;
  std::vector<std::string> stop;
};

struct DataSection {
  std::vector<DataSetConfig> train;
  std::vector<DataSetConfig> eval;
  /// Part of the training records held out for evaluation; 0 = none.
  double eval_fraction = 0;
  /// auto, a name, or "custom" for custom_template.
  std::string chat_template = "auto";
  std::optional<TemplateConfig> custom_template;
  /// Used where a record has no system message; unset = the template's own.
  std::optional<std::string> system;
  int64_t max_length = 0;
  bool packing = true;
  bool train_on_prompt = false;
  bool mask_history = false;
  /// What becomes of a sample longer than max_length: truncate, drop, stop.
  std::string too_long = "truncate";
  bool shuffle = true;
  /// The run stops when more than this part of the records is bad.
  double bad_record_limit = 0;
  std::filesystem::path cache;
  bool use_cache = true;
};

struct TrainSection {
  /// sft or pt
  std::string stage = "sft";
  double epochs = 0;
  /// Overrides epochs when > 0.
  int64_t max_steps = 0;
  /// Rows (packed sequences, or samples without packing) of a microbatch.
  int64_t batch_size = 0;
  int64_t gradient_accumulation = 0;
  /// When > 0, a step takes rows until it has this many tokens, whatever
  /// gradient_accumulation says.
  int64_t tokens_per_step = 0;
  double learning_rate = 0;
  /// cosine, linear, constant, warmup-stable-decay
  std::string schedule = "cosine";
  /// Steps when >= 1, else the part of all steps.
  double warmup = 0;
  /// Part of all steps that warmup-stable-decay decays at the end.
  double decay = 0;
  /// The schedule ends at this part of learning_rate.
  double min_learning_rate_ratio = 0;
  double weight_decay = 0;
  double beta1 = 0, beta2 = 0, epsilon = 0;
  /// 0 = no clipping.
  double max_grad_norm = 0;
  bool activation_checkpointing = false;
  /// Steps between progress records.
  int64_t log_every = 0;
};

struct EvalSection {
  /// Steps between evaluations; 0 = only at the end, when there is eval data.
  int64_t every = 0;
  int64_t max_records = 0;
};

struct PrecisionSection {
  std::string backend = "auto";
  /// Whether `auto` measures its candidate against the reference backend.
  bool measure = false;
  /// A GEMM goes to the candidate when it is this many times as fast.
  double measure_margin = 0;
  /// A stored table that is read instead of measuring; empty = measure.
  std::filesystem::path timings;
  SourcePlace place;
  std::map<std::string, OptionTable> tables;
};

/// What the casts of low-precision GEMMs do to the numbers, on request.
struct WatchSection {
  /// Steps between records; 0 = none.
  int64_t every = 0;
  /// Parts of a tensor's elements above which a warning names the site.
  double overflow_limit = 0, underflow_limit = 0;
  /// Shell patterns of site names; empty = all.
  std::vector<std::string> sites;
};

struct PluginsSection {
  std::vector<std::filesystem::path> path;
  /// Plugin -> "sha256:<64 hex digits>": what its file must be.
  std::map<std::string, std::string> pin;
};

struct CheckpointSection {
  /// Steps between checkpoints; 0 = only at the end and on Ctrl-C.
  int64_t every = 0;
  /// Newest checkpoints that stay; 0 = all.
  int64_t keep = 0;
};

struct ExportSection {
  /// auto (the base model's), fp32, bf16, fp16
  std::string dtype = "auto";
};

struct RunConfig {
  RunSection run;
  ModelSection model;
  DataSection data;
  TrainSection train;
  EvalSection eval;
  PrecisionSection precision;
  std::map<std::string, OptionTable> features;
  WatchSection watch;
  PluginsSection plugins;
  CheckpointSection checkpoint;
  ExportSection export_;

  /// Every key with its effective value, "train.epochs" -> "3.0", as TOML
  /// writes it; for the run directory and for differences at resume.
  std::map<std::string, std::string> effective;
  /// Where each key that was written stands, "train.epochs" -> run.toml:14;
  /// the others have their default.
  std::map<std::string, SourcePlace> places;
};

} // namespace octet
