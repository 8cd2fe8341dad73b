// trainer merge: an adapter into its base model.
#include "tools/trainer/command_line.h"
#include "tools/trainer/commands.h"
#include "tools/trainer/plugin_catalog.h"
#include "tools/trainer/training_library.h"

#include <algorithm>
#include <filesystem>

namespace octet {
namespace {

namespace fs = std::filesystem;

CommandLine describe_command() {
  CommandLine line(
      "trainer merge",
      "--adapter DIR --output DIR [--base MODEL] [--dtype NAME]",
      "Adds an adapter's changes to the weights of its base model and writes a "
      "Hugging Face\nfolder that needs no adapter.",
      {{"trainer merge --adapter runs/quickstart/model --output merged",
        "with the base model that the adapter names"},
       {"trainer merge --adapter A --base B --output merged --dtype fp32",
        "with another base, in fp32"}});
  line.options().add_options()(
      "adapter,a",
      po::value<std::string>()->value_name("DIR"),
      "folder with adapter_config.json")(
      "output,o",
      po::value<std::string>()->value_name("DIR"),
      "folder to write; must be new or empty")(
      "base",
      po::value<std::string>()->value_name("PATH"),
      "base model, where it is not where the adapter says")(
      "dtype",
      po::value<std::string>()->default_value("auto")->value_name("NAME"),
      "auto (the base model's), fp32, bf16 or fp16");
  add_plugin_path_option(line.options());
  return line;
}

void check_paths(const MergeRequest& request) {
  Problems problems;
  const auto full = [](const fs::path& path) {
    return fs::absolute(path).lexically_normal().string();
  };
  std::error_code error;
  if (!fs::is_directory(request.adapter, error)) {
    problems.add(
        "--adapter: expected a folder with adapter_config.json, found none: " +
        full(request.adapter));
  } else if (!fs::exists(request.adapter / "adapter_config.json", error)) {
    problems.add(
        "--adapter: expected adapter_config.json in the folder, found none: " +
        full(request.adapter));
  }
  if (request.base && !fs::exists(*request.base, error)) {
    problems.add("--base: no such file or folder: " + full(*request.base));
  }
  if (fs::exists(request.output, error) &&
      (!fs::is_directory(request.output, error) ||
       !fs::is_empty(request.output, error))) {
    problems.add(
        "--output: expected a new or an empty folder, found something there: " +
        full(request.output));
  }
  problems.raise(ExitCode::usage, "trainer", "cannot merge");
}

} // namespace

ExitCode run_merge(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  MergeRequest request;
  request.adapter = line.required("adapter");
  request.output = line.required("output");
  if (line.has("base")) {
    request.base = line.get<std::string>("base");
  }
  request.dtype = line.get<std::string>("dtype");
  const std::vector<std::string> dtypes = {"auto", "fp32", "bf16", "fp16"};
  line.expect(
      std::find(dtypes.begin(), dtypes.end(), request.dtype) != dtypes.end(),
      "--dtype",
      "auto, fp32, bf16 or fp16",
      request.dtype);
  check_paths(request);
  const Catalog catalog = catalog_of(line);
  return training_library().merge(request, catalog);
}

} // namespace octet
