// The list of tables, and the rows of [run], [model], [precision] and
// [plugins]. To add a key, add the member in run_config.h and its row here;
// nothing else.
#include "core/config/table_rows.h"

namespace octet {
namespace {

TableSpec run_table() {
  return {
      "run",
      TableSpec::Owner::run,
      "Where the run's files go, and what makes it repeatable",
      {
          {.name = "name",
           .slot = OCTET_RUN_SLOT(run.name),
           .default_text = "the file's name without its ending",
           .allow_empty = false,
           .help = "Name of the run in reports",
           .example = "\"identity\"",
           .also_called = {"run_name", "experiment"}},
          {.name = "output",
           .slot = OCTET_RUN_SLOT(run.output),
           .default_text = "runs/ and run.name",
           .help = "Run directory: checkpoints, logs, the resulting model",
           .example = "\"runs/identity\"",
           .also_called = {"output_dir", "output_path", "save_dir"}},
          {.name = "seed",
           .slot = OCTET_RUN_SLOT(run.seed),
           .fallback = whole(42),
           .minimum = 0,
           .help = "Decides every random number; the same seed on the same "
                   "machine's CPU gives the same bits",
           .example = "7",
           .also_called = {"data_seed", "random_seed"}},
          {.name = "threads",
           .slot = OCTET_RUN_SLOT(run.threads),
           .fallback = whole(0),
           .minimum = 0,
           .maximum = 4096,
           .help = "CPU threads; 0 takes as many as the process may use",
           .example = "8",
           .also_called = {"num_threads"}},
          {.name = "device",
           .slot = OCTET_RUN_SLOT(run.device),
           .fallback = text("auto"),
           .allow_empty = false,
           .help = "Where the run computes: cpu, cuda, cuda:1, or auto for the "
                   "first GPU that can be used, else the CPU; a name never "
                   "falls back to another",
           .example = "\"cuda\"",
           .also_called = {"gpu", "use_cpu", "cuda", "no_cuda", "accelerator"}},
          {.name = "cuda_libraries",
           .slot = OCTET_RUN_SLOT(run.cuda_libraries),
           .default_text = "where tools/setup --cuda puts them",
           .help = "A folder like Python's site-packages, with LibTorch's CUDA "
                   "library (torch/lib/libtorch_cuda.so of torch 2.13.0) and "
                   "NVIDIA's (nvidia/*/lib)",
           .example = "\"venv/lib/python3.11/site-packages\"",
           .also_called = {"cuda_home", "cuda_path", "ld_library_path"}},
      }};
}

TableSpec model_table() {
  return {
      "model",
      TableSpec::Owner::run,
      "The model that training starts from",
      {
          {.name = "path",
           .slot = OCTET_RUN_SLOT(model.path),
           .required = true,
           .help = "A Hugging Face folder (config.json, safetensors, "
                   "tokenizer.json) or a .gguf file",
           .example = "\"models/smollm2-135m\"",
           .also_called =
               {"model_name_or_path", "base_model", "model_path", "model"}},
      }};
}

TableSpec precision_table() {
  return {
      "precision",
      TableSpec::Owner::run,
      "How the matrix products are computed",
      {
          {.name = "backend",
           .slot = OCTET_RUN_SLOT(precision.backend),
           .fallback = text("auto"),
           .allow_empty = false,
           .help = "A precision plugin by name, or auto for the best one of "
                   "this machine; a name never falls back to another",
           .example = "\"bf16\"",
           .also_called =
               {"fp8_backend",
                "mixed_precision",
                "precision",
                "fp8",
                "bf16",
                "fp16"}},
          {.name = "measure",
           .slot = OCTET_RUN_SLOT(precision.measure),
           .fallback = false,
           .help = "With auto: times each GEMM shape of the model, forward "
                   "and backward with quantization, against the reference "
                   "backend, and leaves layers that do not win to the latter",
           .example = "true",
           .also_called = {"benchmark", "autotune"}},
          {.name = "measure_margin",
           .slot = OCTET_RUN_SLOT(precision.measure_margin),
           .fallback = 1.05,
           .minimum = 1,
           .maximum = 100,
           .help = "How many times as fast as the reference a GEMM must be to "
                   "win the measurement",
           .example = "1.1",
           .also_called = {"margin"}},
          {.name = "timings",
           .slot = OCTET_RUN_SLOT(precision.timings),
           .default_text = "measures",
           .help = "A timings.json of an earlier run, read instead of "
                   "measuring again",
           .example = "\"runs/first/timings.json\"",
           .also_called = {"timings_file"}},
      }};
}

TableSpec plugins_table() {
  return {
      "plugins",
      TableSpec::Owner::run,
      "Where plugins are looked for",
      {
          {.name = "path",
           .slot = OCTET_RUN_SLOT(plugins.path),
           .fallback = std::vector<std::string>{},
           .help = "Folders searched before the installed one",
           .example = "[\"build/plugins\"]",
           .also_called = {"plugin_path"}},
          {.name = "pin",
           .slot = OCTET_RUN_SLOT(plugins.pin),
           .default_text = "{}",
           .help = "SHA-256 that a plugin's file must have; another file is "
                   "not loaded (`trainer plugins inspect NAME` shows it)",
           .example = "{ my_fp8 = \"sha256:"
                      "e3b0c44298fc1c149afbf4c8996fb92427"
                      "ae41e4649b934ca495991b7852b855\" }",
           .also_called = {"pins", "digest", "sha256"}},
      }};
}

} // namespace

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
       TableSpec::Owner::plugin,
       "Options of a precision plugin; `trainer plugins inspect NAME` lists "
       "them",
       {}},
      {"features.<name>",
       TableSpec::Owner::plugin,
       "A feature is on when its table is there, even an empty one; `trainer "
       "plugins inspect NAME` lists its options",
       {}},
      watch_table(),
      checkpoint_table(),
      export_table(),
      plugins_table(),
  };
  return tables;
}

} // namespace octet
