// trainer generate: a model's answers. Checks what can be checked without
// LibTorch, then opens the training library.
#include "core/config/load.h"
#include "core/plugin/loaded_plugin.h"
#include "core/resolve/selection.h"
#include "tools/trainer/command_line.h"
#include "tools/trainer/commands.h"
#include "tools/trainer/plugin_catalog.h"
#include "tools/trainer/probing.h"
#include "tools/trainer/training_library.h"

#include <cmath>
#include <filesystem>
#include <sstream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer generate",
      "--model M --prompt TEXT [options]",
      "Lets a model answer. M is a Hugging Face folder, a .gguf file, or an "
      "adapter folder\n(then its base model is found through the adapter, or "
      "given with --base).\nEach prompt is a chat of its own in the model's "
      "template; --raw continues the text\nas it is.",
      {{"trainer generate --model runs/quickstart/model --prompt \"Who are "
        "you?\"",
        "greedy, the same answer every time"},
       {"trainer generate --model M --prompt \"A story\" --temperature 0.8 "
        "--top-p 0.9 --seed 7",
        "sampled; the seed decides the answer"}});
  line.options().add_options()(
      "model,m",
      po::value<std::string>()->value_name("PATH"),
      "the model or adapter")(
      "prompt,p",
      po::value<std::vector<std::string>>()->composing()->value_name("TEXT"),
      "what to answer; may stand several times")(
      "max-new-tokens,n",
      po::value<int64_t>()->default_value(256)->value_name("N"),
      "tokens of an answer at most")(
      "temperature",
      po::value<double>()->default_value(0, "0")->value_name("T"),
      "0 always takes the likeliest token")(
      "top-k",
      po::value<int64_t>()->default_value(0)->value_name("K"),
      "sample from the K likeliest tokens; 0 = all")(
      "top-p",
      po::value<double>()->default_value(1, "1")->value_name("P"),
      "sample from the likeliest tokens that make up P")(
      "seed",
      po::value<int64_t>()->default_value(42)->value_name("N"),
      "decides the samples")(
      "system", po::value<std::string>()->value_name("TEXT"), "system message")(
      "template",
      po::value<std::string>()->default_value("auto")->value_name("NAME"),
      "chat template; auto = the model's own")(
      "raw", "no template: continue the prompt as it is")(
      "base",
      po::value<std::string>()->value_name("PATH"),
      "base model of an adapter")(
      "backend",
      po::value<std::string>()->default_value("auto")->value_name("NAME"),
      "precision plugin; auto = the best one of this machine")(
      "threads",
      po::value<int64_t>()->default_value(0)->value_name("N"),
      "CPU threads; 0 = all")("no-stream", "print each answer when it is done")(
      "json", "one JSON object an answer");
  add_plugin_path_option(line.options());
  return line;
}

std::filesystem::path existing(
    const std::string& option,
    const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw Failure(
        ExitCode::usage,
        "trainer",
        option + " " + path + ": no such file or folder: " +
            std::filesystem::absolute(path).lexically_normal().string());
  }
  return path;
}

std::string number_text(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

void check_ranges(const CommandLine& line) {
  const auto whole = [&](const char* name, int64_t minimum) {
    const int64_t value = line.get<int64_t>(name);
    line.expect(
        value >= minimum,
        std::string("--") + name,
        std::to_string(minimum) + " or more",
        std::to_string(value));
  };
  whole("max-new-tokens", 1);
  whole("top-k", 0);
  whole("seed", 0);
  whole("threads", 0);
  const double temperature = line.get<double>("temperature");
  line.expect(
      std::isfinite(temperature) && temperature >= 0,
      "--temperature",
      "0 or more",
      number_text(temperature));
  const double top_p = line.get<double>("top-p");
  line.expect(
      top_p > 0 && top_p <= 1,
      "--top-p",
      "more than 0 and at most 1",
      number_text(top_p));
}

} // namespace

ExitCode run_generate(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  GenerateRequest request;
  const std::string model = line.required("model");
  request.prompts = line.all("prompt");
  line.expect(!request.prompts.empty(), "--prompt", "a text", "none");
  check_ranges(line);
  line.expect(
      !(line.has("raw") && line.has("system")),
      "--raw",
      "no --system beside it",
      "both: a system message needs a template");
  request.model = existing("--model", model);
  if (line.has("base")) {
    request.base = existing("--base", line.get<std::string>("base"));
  }
  if (line.has("system")) {
    request.system = line.get<std::string>("system");
  }
  request.chat_template = line.get<std::string>("template");
  request.raw = line.has("raw");
  request.max_new_tokens = line.get<int64_t>("max-new-tokens");
  request.temperature = line.get<double>("temperature");
  request.top_k = line.get<int64_t>("top-k");
  request.top_p = line.get<double>("top-p");
  request.seed = static_cast<uint64_t>(line.get<int64_t>("seed"));
  request.json = line.has("json");
  request.stream = !line.has("no-stream") && !request.json;
  request.threads = line.get<int64_t>("threads");

  RunConfig config = default_run_config();
  config.precision.backend = line.get<std::string>("backend");
  config.precision.place = {"--backend", 0};
  const Catalog catalog = catalog_of(line);
  // Answers are computed on the CPU.
  use_host_device(-1);
  request.selection =
      select_plugins(config, catalog, host_facts(), prober_for(config));
  return training_library().generate(request, catalog);
}

} // namespace octet
