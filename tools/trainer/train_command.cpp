// trainer --config: from run.toml to the training library. Everything that can
// be wrong without a tensor is said before LibTorch starts.
#include "core/plugin/loaded_plugin.h"
#include "core/resolve/selection.h"
#include "tools/trainer/command_line.h"
#include "tools/trainer/commands.h"
#include "tools/trainer/device_choice.h"
#include "tools/trainer/plugin_catalog.h"
#include "tools/trainer/probing.h"
#include "tools/trainer/run_options.h"
#include "tools/trainer/training_library.h"

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer",
      "--config F [--set KEY=VALUE]... [--resume] [--dry-run]",
      "Trains as run.toml says. What was asked for is what runs, or nothing "
      "runs and you\nare told why. Ctrl-C saves a checkpoint and stops; "
      "--resume goes on from there.",
      {{"trainer --config configs/quickstart.toml", "trains"},
       {"trainer --config run.toml --set train.learning_rate=1e-4 --set "
        "run.name=slow",
        "with two keys changed"},
       {"trainer --config run.toml --dry-run",
        "shows the plan: which plugin does what at which layer, and why"},
       {"trainer --config run.toml --resume",
        "continues from the newest whole checkpoint"}});
  add_config_options(line.options());
  line.options().add_options()(
      "resume,r", "continue from the newest whole checkpoint")(
      "dry-run", "check everything, show the plan, and stop");
  return line;
}

} // namespace

ExitCode run_train(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  TrainRequest request;
  request.config = config_of(line);
  request.resume = line.has("resume");
  request.dry_run = line.has("dry-run");
  request.device = device_of_run(request.config);
  // Selected plugins point into the catalog.
  const Catalog catalog = catalog_of_run(line, request.config);
  request.selection = select_plugins(
      request.config, catalog, host_facts(), prober_for(request.config));
  return training_library().train(request);
}

} // namespace octet
