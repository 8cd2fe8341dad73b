// The guard around dlopen; see the header. One library is opened at a time.
#include "core/plugin/load_guard.h"

#include "core/base/problems.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace octet {

namespace {

// What is being opened; empty otherwise. Leaked: it is read at exit.
std::string& opening() {
  static auto& name = *new std::string;
  return name;
}

std::terminate_handler before = nullptr;

[[noreturn]] void end(const std::string& how) {
  std::fprintf(
      stderr,
      "[plugin %s] its static constructors %s; remove the plugin, or tell its "
      "author\n",
      opening().c_str(),
      how.c_str());
  ::_exit(static_cast<int>(ExitCode::resolution));
}

void at_exit() {
  if (!opening().empty()) {
    end("ended the program");
  }
}

// An exception comes through dlopen to its caller, except under
// AddressSanitizer whose dlopen ends here.
[[noreturn]] void at_terminate() {
  try {
    if (std::current_exception() != nullptr) {
      throw;
    }
  } catch (const std::exception& error) {
    end(std::string("threw: ") + error.what());
  } catch (...) {
    end("threw an exception");
  }
  end("called std::terminate");
}

} // namespace

LoadGuard::LoadGuard(const std::string& plugin) {
  static const int registered = std::atexit(at_exit);
  static_cast<void>(registered);
  opening() = plugin;
  before = std::set_terminate(at_terminate);
}

LoadGuard::~LoadGuard() {
  std::set_terminate(before);
  opening().clear();
}

} // namespace octet
