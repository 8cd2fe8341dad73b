// The guard around dlopen; see the header. One library is opened at a time.
#include "core/plugin/load_guard.h"

#include "core/base/problems.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace octet {

namespace {

// What is being opened; empty otherwise. Leaked: it is read at exit.
std::string& opening() {
  static auto& name = *new std::string;
  return name;
}

void at_exit() {
  if (opening().empty()) {
    return;
  }
  std::fprintf(
      stderr,
      "[plugin %s] expected to be loaded, but its static constructors ended "
      "the program; remove the plugin, or tell its author\n",
      opening().c_str());
  ::_exit(static_cast<int>(ExitCode::resolution));
}

} // namespace

LoadGuard::LoadGuard(const std::string& plugin) {
  static const int registered = std::atexit(at_exit);
  static_cast<void>(registered);
  opening() = plugin;
}

LoadGuard::~LoadGuard() {
  opening().clear();
}

} // namespace octet
