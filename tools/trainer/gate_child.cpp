// The child's side: walks the gates and says after each how it went. Whatever
// a plugin does here ends this process only.
#include "core/cuda/driver.h"
#include "core/plugin/loaded_plugin.h"
#include "core/plugin/pins.h"
#include "core/plugin/plugin_call.h"
#include "tools/trainer/gate_protocol.h"
#include "tools/trainer/training_library.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

namespace octet {
namespace {

void report(const GateResult& result) {
  const std::string line = report_line(result);
  for (size_t done = 0; done < line.size();) {
    const ssize_t written =
        ::write(kReportDescriptor, line.data() + done, line.size() - done);
    if (written <= 0) {
      return;
    }
    done += static_cast<size_t>(written);
  }
}

// Dies with its parent, and leaves no core files of other people's plugins.
void be_a_child() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  send_last_line_to(kReportDescriptor);
}

OptionTable complete_options(
    const CatalogEntry& entry,
    const std::string& text) {
  Problems problems;
  OptionTable options =
      check_options(entry.manifest, parse_options(text), "options", problems);
  problems.raise(ExitCode::usage, "plugins", "the plugin's options");
  return options;
}

void create(LoadedPlugin& plugin, const OptionTable& options) {
  if (plugin.entry().manifest.kind == PluginKind::precision) {
    plugin.create_precision(options);
  } else {
    plugin.create_feature(options);
  }
}

// @returns false when the gate is the last one for this plugin
template <typename Body>
bool walk(const char* gate, Body&& body) {
  GateResult result{gate, "ok", ""};
  try {
    body(result);
  } catch (const Error& error) {
    result = {gate, "failed", error.message()};
  } catch (const std::exception& error) {
    result = {gate, "failed", error.what()};
  }
  report(result);
  return result.status == "ok";
}

} // namespace

ExitCode run_gate_child(const Arguments& arguments) {
  if (arguments.size() != 5) {
    throw Failure(
        ExitCode::usage,
        "plugins",
        "expected FILE, probe or create, options, a device and a pin; this "
        "command is internal, see `trainer plugins doctor --help`");
  }
  be_a_child();
  if (arguments[3] == "-1") {
    use_host_device(-1);
  } else if (!cuda_driver().devices.empty()) {
    use_host_device(std::stoi(arguments[3]));
  }
  CatalogEntry entry = inspect_file(arguments[0], "doctor");
  if (!arguments[4].empty()) {
    // Else a file that was put there since could run in the pinned one's place.
    apply_pin(entry, arguments[4]);
  }
  LoadedPlugin* plugin = nullptr;
  OptionTable options;
  const bool loaded = walk("load", [&](GateResult&) {
    options = complete_options(entry, arguments[2]);
    if (needs_libtorch(entry)) {
      training_library();
    }
    report({kReady, "ok", ""});
    plugin = &load_plugin(entry);
  });
  if (!loaded) {
    return ExitCode::success;
  }
  const bool usable = walk("probe", [&](GateResult& result) {
    const ProbeVerdict verdict = plugin->probe(options);
    result.status = verdict.usable ? "ok" : "not usable";
    result.reason = verdict.reason;
  });
  if (usable && arguments[1] == "create") {
    walk("create", [&](GateResult&) { create(*plugin, options); });
  }
  return ExitCode::success;
}

} // namespace octet
