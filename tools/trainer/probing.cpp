// Plugins are linked with LibTorch, so the training library, which brings it
// from its own folder, is opened before one that needs it.
#include "tools/trainer/probing.h"

#include "core/plugin/loaded_plugin.h"
#include "core/plugin/plugin_call.h"
#include "tools/trainer/plugin_gates.h"
#include "tools/trainer/training_library.h"

#include <set>

namespace octet {
namespace {

/// A probe is quick by contract; loading may read large libraries from a cold
/// disk.
constexpr std::chrono::seconds kProbeLimit{10}, kLoadLimit{60};

CallPlace place(const CatalogEntry& entry, const char* step) {
  return {entry.manifest.name.c_str(), step, "", ExitCode::resolution};
}

LoadedPlugin& load_in_time(const CatalogEntry& entry) {
  const CallLimit limit(place(entry, "its static constructors"), kLoadLimit);
  return load_plugin(entry);
}

ProbeVerdict probe_here(const CatalogEntry& entry, const OptionTable& options) {
  if (needs_libtorch(entry)) {
    training_library();
  }
  LoadedPlugin& plugin = load_in_time(entry);
  const CallLimit limit(place(entry, "probe"), kProbeLimit);
  return plugin.probe(options);
}

ProbeVerdict probe_in_child(
    const CatalogEntry& entry,
    const OptionTable& options) {
  GateChild child(entry, options, LastGate::probe);
  // The run needs it in any case: while the child opens its own.
  training_library();
  for (const GateResult& result : child.wait({kLoadLimit, kProbeLimit})) {
    if (result.status == "failed") {
      throw Failure(
          ExitCode::resolution, "plugin " + entry.manifest.name, result.reason);
    }
    if (result.gate == "probe") {
      return {result.status == "ok", result.reason};
    }
  }
  return {false, "its probe was not reached"};
}

} // namespace

Prober prober_for(const RunConfig& config) {
  std::set<std::string> named = {config.precision.backend};
  for (const auto& [name, table] : config.features) {
    named.insert(name);
  }
  return [named](const CatalogEntry& entry, const OptionTable& options) {
    return named.count(entry.manifest.name) > 0
        ? probe_here(entry, options)
        : probe_in_child(entry, options);
  };
}

} // namespace octet
