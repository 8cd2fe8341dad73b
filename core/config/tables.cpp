// The rows of the schema: every table and key of run.toml. To add a key, add
// the member in run_config.h and its row here; nothing else.
#include "core/config/schema.h"

namespace octet {
namespace {

// clang-format off
#define RUN(member) \
  [](const Target& target) -> Slot { return &target.run->member; }
#define DATA_SET(member) \
  [](const Target& target) -> Slot { return &target.data_set->member; }
#define TEMPLATE(member) \
  [](const Target& target) -> Slot { return &target.chat_template->member; }
// clang-format on

using Owner = TableSpec::Owner;

KeyValue whole(int64_t value) {
  return value;
}

KeyValue text(const char* value) {
  return std::string(value);
}

TableSpec run_table() {
  return {
      "run",
      Owner::run,
      "Where the run's files go, and what makes it repeatable",
      {
          {.name = "name",
           .slot = RUN(run.name),
           .default_text = "the file's name without its ending",
           .allow_empty = false,
           .help = "Name of the run in reports",
           .example = "\"identity\"",
           .also_called = {"run_name", "experiment"}},
          {.name = "output",
           .slot = RUN(run.output),
           .default_text = "runs/ and run.name",
           .help = "Run directory: checkpoints, logs, the resulting model",
           .example = "\"runs/identity\"",
           .also_called = {"output_dir", "output_path", "save_dir"}},
          {.name = "seed",
           .slot = RUN(run.seed),
           .fallback = whole(42),
           .minimum = 0,
           .help = "Decides every random number; the same seed on the same "
                   "machine gives the same bits",
           .example = "7",
           .also_called = {"data_seed", "random_seed"}},
          {.name = "threads",
           .slot = RUN(run.threads),
           .fallback = whole(0),
           .minimum = 0,
           .maximum = 4096,
           .help = "CPU threads; 0 takes as many as the process may use",
           .example = "8",
           .also_called = {"num_threads"}},
      }};
}

TableSpec model_table() {
  return {
      "model",
      Owner::run,
      "The model that training starts from",
      {
          {.name = "path",
           .slot = RUN(model.path),
           .required = true,
           .help = "A Hugging Face folder (config.json, safetensors, "
                   "tokenizer.json) or a .gguf file",
           .example = "\"models/smollm2-135m\"",
           .also_called =
               {"model_name_or_path", "base_model", "model_path", "model"}},
      }};
}

TableSpec data_table() {
  return {
      "data",
      Owner::run,
      "What the model learns from and how records become tokens",
      {
          {.name = "train",
           .slot = RUN(data.train),
           .required = true,
           .allow_empty = false,
           .help = "Training sets, each a path or a table with the keys of "
                   "data.train[]",
           .example = "[\"data/identity.jsonl\", { path = \"data/chat.json\", "
                      "format = \"sharegpt\", weight = 0.5 }]",
           .also_called = {"dataset", "datasets", "train_file"}},
          {.name = "eval",
           .slot = RUN(data.eval),
           .default_text = "[]",
           .help = "Evaluation sets, written like data.train",
           .example = "[\"data/heldout.jsonl\"]",
           .also_called = {"eval_dataset", "validation", "test_datasets"}},
          {.name = "eval_fraction",
           .slot = RUN(data.eval_fraction),
           .fallback = 0.0,
           .minimum = 0,
           .maximum = 1,
           .below_maximum = true,
           .help = "Part of the training records held out for evaluation; 0 "
                   "holds out none",
           .example = "0.05",
           .also_called = {"val_size", "val_set_size", "validation_split"}},
          {.name = "template",
           .slot = RUN(data.chat_template),
           .fallback = text("auto"),
           .allow_empty = false,
           .help = "Chat template: auto (the model's own), a name such as "
                   "chatml or llama3, or custom for [data.custom_template]",
           .example = "\"chatml\"",
           .also_called = {"chat_template", "prompt_template"}},
          {.name = "system",
           .slot = RUN(data.system),
           .default_text = "the template's own",
           .help = "System message of records that have none",
           .example = "\"You answer briefly.\"",
           .also_called = {"default_system", "system_prompt"}},
          {.name = "max_length",
           .slot = RUN(data.max_length),
           .fallback = whole(2048),
           .minimum = 2,
           .maximum = 1 << 24,
           .help = "Tokens of a sequence at most; with packing, tokens of a "
                   "packed row",
           .example = "512",
           .also_called =
               {"cutoff_len", "max_seq_length", "sequence_len", "seq_len"}},
          {.name = "packing",
           .slot = RUN(data.packing),
           .fallback = true,
           .help = "Puts several samples into one row; they never see each "
                   "other",
           .example = "false",
           .also_called = {"neat_packing", "sample_packing", "packed"}},
          {.name = "train_on_prompt",
           .slot = RUN(data.train_on_prompt),
           .fallback = false,
           .help = "Counts the prompt's tokens for the loss too",
           .example = "true",
           .also_called = {"train_on_input", "train_on_inputs"}},
          {.name = "mask_history",
           .slot = RUN(data.mask_history),
           .fallback = false,
           .help = "Trains on the last answer of a conversation only",
           .example = "true",
           .also_called = {"last_turn_only"}},
          {.name = "too_long",
           .slot = RUN(data.too_long),
           .fallback = text("truncate"),
           .one_of = {"truncate", "drop", "stop"},
           .help = "What becomes of a sample longer than max_length: cut it, "
                   "leave it out, or stop the run",
           .example = "\"drop\"",
           .also_called = {"excess_length_strategy", "truncation"}},
          {.name = "shuffle",
           .slot = RUN(data.shuffle),
           .fallback = true,
           .help = "Draws a new order for every epoch",
           .example = "false",
           .also_called = {"disable_shuffling"}},
          {.name = "bad_record_limit",
           .slot = RUN(data.bad_record_limit),
           .fallback = 0.01,
           .minimum = 0,
           .maximum = 1,
           .help = "The run stops when more than this part of the records is "
                   "bad; those below the limit are shown and left out",
           .example = "0.0",
           .also_called = {"max_bad_records"}},
          {.name = "cache",
           .slot = RUN(data.cache),
           .fallback = text("~/.cache/octet/data"),
           .help = "Folder of tokenized data, found again by content",
           .example = "\"/tmp/octet-data\"",
           .also_called = {"tokenized_path", "dataset_prepared_path"}},
          {.name = "use_cache",
           .slot = RUN(data.use_cache),
           .fallback = true,
           .help = "Whether tokenized data is kept for the next run",
           .example = "false",
           .also_called = {"overwrite_cache"}},
      }};
}

TableSpec data_set_table() {
  return {
      "data.train[]",
      Owner::data_set,
      "One data set: an element of data.train or data.eval",
      {
          {.name = "path",
           .slot = DATA_SET(path),
           .required = true,
           .help = "A .json, .jsonl or .txt file",
           .example = "\"data/identity.jsonl\"",
           .also_called = {"file", "file_name", "data_files"}},
          {.name = "format",
           .slot = DATA_SET(format),
           .fallback = text("auto"),
           .one_of = {"auto", "alpaca", "sharegpt", "messages", "text"},
           .help = "How a record is laid out; auto looks at the first record",
           .example = "\"alpaca\"",
           .also_called = {"formatting", "type"}},
          {.name = "columns",
           .slot = DATA_SET(columns),
           .default_text = "{}",
           .help = "Column names that differ from the format's own",
           .example = "{ instruction = \"question\", output = \"answer\" }",
           .also_called = {"field_map"}},
          {.name = "weight",
           .slot = DATA_SET(weight),
           .fallback = 1.0,
           .minimum = 0,
           .maximum = 1000,
           .above_minimum = true,
           .help = "How often the set counts in an epoch: 0.5 takes half of "
                   "it, 2.0 all of it twice",
           .example = "0.5",
           .also_called = {"ratio", "sampling_weight", "interleave_probs"}},
          {.name = "max_records",
           .slot = DATA_SET(max_records),
           .fallback = whole(0),
           .minimum = 0,
           .help = "Takes the first records only; 0 takes all",
           .example = "1000",
           .also_called = {"max_samples", "num_samples"}},
      }};
}

TableSpec custom_template_table() {
  return {
      "data.custom_template",
      Owner::chat_template,
      "A chat template of your own, for data.template = \"custom\". {system}, "
      "{user} and {assistant} stand for the messages, {bos} and {eos} for the "
      "model's tokens; other special tokens are written as they are",
      {
          {.name = "prefix",
           .slot = TEMPLATE(prefix),
           .fallback = text(""),
           .help = "Text before everything else",
           .example = "\"{bos}\""},
          {.name = "system",
           .slot = TEMPLATE(system),
           .fallback = text("{system}"),
           .help = "How a system message is written",
           .example = "\"<|system|>{system}<|end|>\""},
          {.name = "user",
           .slot = TEMPLATE(user),
           .required = true,
           .allow_empty = false,
           .help = "How a user's message is written, up to where the "
                   "assistant begins",
           .example = "\"<|user|>{user}<|end|><|assistant|>\""},
          {.name = "assistant",
           .slot = TEMPLATE(assistant),
           .required = true,
           .allow_empty = false,
           .help = "How an answer is written; all of it is trained on",
           .example = "\"{assistant}<|end|>\""},
          {.name = "default_system",
           .slot = TEMPLATE(default_system),
           .fallback = text(""),
           .help = "System message of records that have none; empty for none",
           .example = "\"You are helpful.\""},
          {.name = "stop",
           .slot = TEMPLATE(stop),
           .fallback = std::vector<std::string>{},
           .help = "Tokens that end an answer when generating",
           .example = "[\"<|end|>\"]",
           .also_called = {"stop_words"}},
      }};
}

TableSpec train_table() {
  return {
      "train",
      Owner::run,
      "How long, how fast and in which steps the model is trained",
      {
          {.name = "stage",
           .slot = RUN(train.stage),
           .fallback = text("sft"),
           .one_of = {"sft", "pt"},
           .help = "sft trains on the answers of records, pt on plain text",
           .example = "\"pt\"",
           .also_called = {"training_stage"}},
          {.name = "epochs",
           .slot = RUN(train.epochs),
           .fallback = 3.0,
           .minimum = 0,
           .maximum = 1e6,
           .above_minimum = true,
           .help = "Passes over the training data",
           .example = "1.5",
           .also_called = {"num_train_epochs", "num_epochs", "epoch"}},
          {.name = "max_steps",
           .slot = RUN(train.max_steps),
           .fallback = whole(0),
           .minimum = 0,
           .help = "Optimizer steps; when not 0 it decides instead of epochs",
           .example = "500",
           .also_called = {"steps", "total_steps"}},
          {.name = "batch_size",
           .slot = RUN(train.batch_size),
           .fallback = whole(1),
           .minimum = 1,
           .maximum = 65536,
           .help = "Rows (packed sequences, or samples without packing) that "
                   "are computed at once",
           .example = "4",
           .also_called = {"per_device_train_batch_size", "micro_batch_size"}},
          {.name = "gradient_accumulation",
           .slot = RUN(train.gradient_accumulation),
           .fallback = whole(1),
           .minimum = 1,
           .maximum = 65536,
           .help = "Batches of a step; the loss does not depend on the split",
           .example = "8",
           .also_called =
               {"gradient_accumulation_steps", "accumulation_steps"}},
          {.name = "tokens_per_step",
           .slot = RUN(train.tokens_per_step),
           .fallback = whole(0),
           .minimum = 0,
           .help = "A step takes rows until it has this many tokens, instead "
                   "of counting batches; 0 counts batches",
           .example = "4096",
           .also_called = {"tokens_per_batch", "max_tokens"}},
          {.name = "learning_rate",
           .slot = RUN(train.learning_rate),
           .fallback = 5e-5,
           .minimum = 0,
           .maximum = 10,
           .above_minimum = true,
           .help = "Highest learning rate; usual are 1e-4 to 2e-4 for LoRA "
                   "and 1e-5 to 5e-5 when all weights train",
           .example = "2e-4",
           .also_called = {"lr", "peak_lr"}},
          {.name = "schedule",
           .slot = RUN(train.schedule),
           .fallback = text("cosine"),
           .one_of = {"cosine", "linear", "constant", "warmup-stable-decay"},
           .help = "How the learning rate falls after the warm-up",
           .example = "\"linear\"",
           .also_called = {"lr_scheduler_type", "lr_scheduler", "scheduler"}},
          {.name = "warmup",
           .slot = RUN(train.warmup),
           .fallback = 0.03,
           .minimum = 0,
           .help = "Steps of rising learning rate: below 1 a part of all "
                   "steps, from 1 a number of steps",
           .example = "100",
           .also_called = {"warmup_ratio", "warmup_steps"}},
          {.name = "decay",
           .slot = RUN(train.decay),
           .fallback = 0.2,
           .minimum = 0,
           .maximum = 1,
           .help = "Part of all steps in which warmup-stable-decay lowers the "
                   "learning rate at the end",
           .example = "0.1",
           .also_called = {"decay_ratio", "cooldown"}},
          {.name = "min_learning_rate_ratio",
           .slot = RUN(train.min_learning_rate_ratio),
           .fallback = 0.0,
           .minimum = 0,
           .maximum = 1,
           .help = "The schedule ends at this part of learning_rate",
           .example = "0.1",
           .also_called = {"min_lr_ratio", "min_lr", "cosine_min_lr_ratio"}},
          {.name = "weight_decay",
           .slot = RUN(train.weight_decay),
           .fallback = 0.0,
           .minimum = 0,
           .maximum = 1,
           .help = "AdamW's decay of weights; biases and norms have none",
           .example = "0.1",
           .also_called = {"wd"}},
          {.name = "beta1",
           .slot = RUN(train.beta1),
           .fallback = 0.9,
           .minimum = 0,
           .maximum = 1,
           .below_maximum = true,
           .help = "AdamW's memory of gradients",
           .example = "0.9",
           .also_called = {"adam_beta1"}},
          {.name = "beta2",
           .slot = RUN(train.beta2),
           .fallback = 0.999,
           .minimum = 0,
           .maximum = 1,
           .below_maximum = true,
           .help = "AdamW's memory of squared gradients",
           .example = "0.95",
           .also_called = {"adam_beta2"}},
          {.name = "epsilon",
           .slot = RUN(train.epsilon),
           .fallback = 1e-8,
           .minimum = 0,
           .maximum = 1,
           .above_minimum = true,
           .help = "AdamW's guard against division by zero",
           .example = "1e-6",
           .also_called = {"adam_epsilon", "eps"}},
          {.name = "max_grad_norm",
           .slot = RUN(train.max_grad_norm),
           .fallback = 1.0,
           .minimum = 0,
           .help = "Gradients are scaled down to this norm; 0 never does",
           .example = "0.5",
           .also_called = {"gradient_clipping", "clip_grad_norm"}},
          {.name = "activation_checkpointing",
           .slot = RUN(train.activation_checkpointing),
           .fallback = false,
           .help = "Computes each layer again in the backward pass instead "
                   "of keeping its activations: slower, less memory",
           .example = "true",
           .also_called =
               {"gradient_checkpointing", "disable_gradient_checkpointing"}},
          {.name = "log_every",
           .slot = RUN(train.log_every),
           .fallback = whole(1),
           .minimum = 1,
           .help = "Steps between two progress records",
           .example = "10",
           .also_called = {"logging_steps"}},
      }};
}

TableSpec eval_table() {
  return {
      "eval",
      Owner::run,
      "When and on how much the model is evaluated",
      {
          {.name = "every",
           .slot = RUN(eval.every),
           .fallback = whole(0),
           .minimum = 0,
           .help = "Steps between evaluations; 0 evaluates at the end only",
           .example = "100",
           .also_called = {"eval_steps", "evals_per_epoch"}},
          {.name = "max_records",
           .slot = RUN(eval.max_records),
           .fallback = whole(0),
           .minimum = 0,
           .help = "Evaluates on the first records only; 0 takes all",
           .example = "500",
           .also_called = {"max_eval_samples"}},
      }};
}

TableSpec precision_table() {
  return {
      "precision",
      Owner::run,
      "How the matrix products are computed",
      {
          {.name = "backend",
           .slot = RUN(precision.backend),
           .fallback = text("auto"),
           .allow_empty = false,
           .help = "A precision plugin by name, or auto for the best one of "
                   "this machine; a name never falls back to another",
           .example = "\"bf16\"",
           .also_called = {"fp8_backend", "mixed_precision", "precision"}},
      }};
}

TableSpec checkpoint_table() {
  return {
      "checkpoint",
      Owner::run,
      "What is saved on the way, so that --resume can continue",
      {
          {.name = "every",
           .slot = RUN(checkpoint.every),
           .fallback = whole(0),
           .minimum = 0,
           .help = "Steps between checkpoints; 0 saves at the end and on "
                   "Ctrl-C only",
           .example = "100",
           .also_called = {"save_steps", "saves_per_epoch"}},
          {.name = "keep",
           .slot = RUN(checkpoint.keep),
           .fallback = whole(2),
           .minimum = 0,
           .help = "Newest checkpoints that stay; 0 keeps all",
           .example = "5",
           .also_called = {"save_total_limit"}},
      }};
}

TableSpec export_table() {
  return {
      "export",
      Owner::run,
      "How the result is written",
      {
          {.name = "dtype",
           .slot = RUN(export_.dtype),
           .fallback = text("auto"),
           .one_of = {"auto", "fp32", "bf16", "fp16"},
           .help = "Number format of the saved weights; auto takes the base "
                   "model's",
           .example = "\"fp32\"",
           .also_called = {"torch_dtype", "export_dtype"}},
      }};
}

TableSpec plugins_table() {
  return {
      "plugins",
      Owner::run,
      "Where plugins are looked for",
      {
          {.name = "path",
           .slot = RUN(plugins.path),
           .fallback = std::vector<std::string>{},
           .help = "Folders searched before the installed one",
           .example = "[\"build/plugins\"]",
           .also_called = {"plugin_path"}},
      }};
}

} // namespace

#undef RUN
#undef DATA_SET
#undef TEMPLATE

const std::vector<TableSpec>& config_tables() {
  static const std::vector<TableSpec> tables = {
      run_table(),
      model_table(),
      data_table(),
      data_set_table(),
      custom_template_table(),
      train_table(),
      eval_table(),
      precision_table(),
      {"precision.<backend>",
       Owner::plugin,
       "Options of a precision plugin; `trainer plugins inspect NAME` lists "
       "them",
       {}},
      {"features.<name>",
       Owner::plugin,
       "A feature is on when its table is there, even an empty one; `trainer "
       "plugins inspect NAME` lists its options",
       {}},
      checkpoint_table(),
      export_table(),
      plugins_table(),
  };
  return tables;
}

} // namespace octet
