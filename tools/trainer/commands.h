// The commands of the program, one file each.
#pragma once

#include "core/base/problems.h"

#include <string>
#include <vector>

namespace octet {

/// What follows the command's name on the command line.
using Arguments = std::vector<std::string>;

struct Command {
  std::string name;
  std::string summary;
  /// @throws Failure, Error
  ExitCode (*run)(const Arguments&);
};

ExitCode run_train(const Arguments& arguments);
ExitCode run_config(const Arguments& arguments);
ExitCode run_plugins(const Arguments& arguments);
ExitCode run_data(const Arguments& arguments);
ExitCode run_tokenize(const Arguments& arguments);
ExitCode run_generate(const Arguments& arguments);
ExitCode run_merge(const Arguments& arguments);
ExitCode run_doctor(const Arguments& arguments);

/// All commands, in the order that help shows them.
const std::vector<Command>& commands();

/// Runs the command that the arguments name; without one, training.
/// @throws Failure(usage) for an unknown command, with the nearest one
ExitCode run_program(const Arguments& arguments);

} // namespace octet
