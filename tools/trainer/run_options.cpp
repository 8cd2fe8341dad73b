// One place for the options that every command with a run.toml takes.
#include "tools/trainer/run_options.h"

#include "tools/trainer/plugin_catalog.h"

namespace octet {

void add_config_options(po::options_description& options) {
  options.add_options()(
      "config,c", po::value<std::string>()->value_name("FILE"), "the run.toml")(
      "set,s",
      po::value<std::vector<std::string>>()->composing()->value_name(
          "KEY=VALUE"),
      "change one key of it; may stand several times");
  add_plugin_path_option(options);
}

RunConfig config_of(const CommandLine& line) {
  return load_run_config(
      line.required("config"), line.all("set"), plugin_keys(line));
}

} // namespace octet
