// The program: runs a command, prints what went wrong, and ends with the exit
// code that docs/cli.md lists.
#include "core/base/problems.h"
#include "core/base/terminal.h"
#include "tools/trainer/commands.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>

namespace {

using octet::ExitCode;

ExitCode guarded(const octet::Arguments& arguments) {
  try {
    return octet::run_program(arguments);
  } catch (const octet::Failure& failure) {
    std::cerr << failure.what() << std::endl;
    return failure.code();
  } catch (const octet::Error& error) {
    std::cerr << error.what() << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "[trainer] unexpected: " << error.what() << std::endl;
  }
  return ExitCode::failed;
}

} // namespace

int main(int argc, char** argv) {
  octet::occupy_standard_streams();
  const ExitCode code =
      guarded(octet::Arguments(argv + (argc > 0 ? 1 : 0), argv + argc));
  if (!std::cout.flush()) {
    // The stream keeps no reason; one more byte asks for it. A reader that
    // left early (EPIPE) wants no message.
    const bool written = ::write(STDOUT_FILENO, "\n", 1) == 1;
    if (!written && errno == EPIPE) {
      return static_cast<int>(code);
    }
    std::cerr << "[trainer] cannot write the output: "
              << (written ? "some of it is lost" : std::strerror(errno))
              << std::endl;
    return static_cast<int>(ExitCode::failed);
  }
  return static_cast<int>(code);
}
