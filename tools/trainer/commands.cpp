// The table of commands, and the program's own help.
#include "tools/trainer/commands.h"

#include <iostream>

namespace octet {
namespace {

constexpr const char* kVersion = OCTET_VERSION;

void print_help(std::ostream& out) {
  out << "trainer " << kVersion
      << ": trains language models; what you ask for is what runs.\n\n"
         "Usage: trainer --config run.toml [options]\n"
         "       trainer COMMAND [options]\n\n"
         "Commands:\n";
  for (const Command& command : commands()) {
    std::string name = command.name;
    name.resize(11, ' ');
    out << "  " << name << command.summary << "\n";
  }
  out << "\n`trainer COMMAND --help` tells a command's options and shows "
         "examples.\n\n"
         "Examples:\n"
         "  trainer --config configs/quickstart.toml\n"
         "      trains as the file says\n"
         "  trainer --config run.toml --set train.epochs=1 --dry-run\n"
         "      shows what would run with one key changed, and stops\n"
         "  trainer config help learning_rate\n"
         "      explains a key of run.toml\n"
         "  trainer generate --model runs/quickstart/model --prompt \"Who are "
         "you?\"\n"
         "      talks to the result\n\n"
         "Exit codes:\n"
         "  0    done\n"
         "  1    the run stopped with an error\n"
         "  2    the command line or run.toml is wrong\n"
         "  3    plugins or the plan do not fit what was asked\n"
         "  4    a model, tokenizer or data file is wrong\n"
         "  5    the loss or the gradient norm is NaN or infinite\n"
         "  130  stopped by a signal; the state was saved\n";
}

[[noreturn]] void unknown_command(const std::string& name) {
  std::string text = "unknown command " + name;
  if (name.size() > 5 && name.ends_with(".toml")) {
    text += "; to train, write trainer --config " + name;
  } else {
    std::vector<std::string> names;
    for (const Command& command : commands()) {
      names.push_back(command.name);
    }
    const std::string near = nearest_name(name, names);
    text += near.empty() ? "; the commands are " + join_names(names)
                         : "; did you mean " + near + "?";
  }
  throw Failure(ExitCode::usage, "trainer", text);
}

} // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"train", "trains; may be left out: trainer --config F", run_train},
      {"config", "explains and shows the keys of run.toml", run_config},
      {"plugins", "lists and inspects what is installed", run_plugins},
      {"data", "shows records as text, tokens and labels", run_data},
      {"tokenize", "shows the token ids of a text", run_tokenize},
      {"generate", "lets a model answer", run_generate},
      {"merge", "merges an adapter into its base model", run_merge},
      {"doctor", "tells what this machine has for a run", run_doctor},
  };
  return table;
}

ExitCode run_program(const Arguments& arguments) {
  if (arguments.empty()) {
    print_help(std::cerr);
    return ExitCode::usage;
  }
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h" || first == "help") {
    print_help(std::cout);
    return ExitCode::success;
  }
  if (first == "--version") {
    std::cout << "trainer " << kVersion << "\n";
    return ExitCode::success;
  }
  if (first.rfind('-', 0) == 0) {
    return run_train(arguments);
  }
  for (const Command& command : commands()) {
    if (command.name == first) {
      return command.run({arguments.begin() + 1, arguments.end()});
    }
  }
  unknown_command(first);
}

} // namespace octet
