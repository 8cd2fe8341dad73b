// Load, probe and create of a plugin in a child process, so that one that
// crashes, hangs or ends its program is a verdict and not the end of this one.
#pragma once

#include "core/plugin/catalog.h"
#include "tools/trainer/commands.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace octet {

struct GateResult {
  /// "inspect", "load", "probe" or "create"
  std::string gate;
  /// "ok", "not usable" (a probe's verdict), "failed", "not reached";
  /// "shadowed" for inspect
  std::string status;
  std::string reason;
};

enum class LastGate { probe, create };

/// How long a gate may take; opening LibTorch before them has its own limit.
struct GateLimits {
  std::chrono::seconds load, others;
};

/// This program started anew (spawned, never forked: a forked child hangs in
/// LibTorch's thread pool) to walk the gates of one ready plugin.
class GateChild {
 public:
  /// Starts it; returns at once.
  /// @param options complete or not: what is missing gets its default
  /// @throws Failure(failed) when no process can be started
  GateChild(
      const CatalogEntry& entry,
      const OptionTable& options,
      LastGate last);
  /// Ends the child if it still runs.
  ~GateChild();
  GateChild(const GateChild&) = delete;
  GateChild& operator=(const GateChild&) = delete;

  /// One result a gate, load to `last`.
  std::vector<GateResult> wait(const GateLimits& limits);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether the training library has to be opened before this plugin.
bool needs_libtorch(const CatalogEntry& entry);

/// What the child runs: `trainer plugins doctor --child FILE GATE OPTIONS
/// DEVICE PIN`: the CUDA device of the run or -1, and the file's pin or "".
ExitCode run_gate_child(const Arguments& arguments);

} // namespace octet
