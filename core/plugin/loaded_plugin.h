// Gates two to four: load, probe, create. A loaded plugin stays loaded.
#pragma once

#include "core/plugin/catalog.h"

#include <octet/plugin.h>

#include <memory>
#include <string>

namespace octet {

class PrecisionBackend;
class Feature;

struct ProbeVerdict {
  bool usable = false;
  std::string reason;
};

/// A plugin's library, opened with rtld_now | rtld_local by its exact path.
class LoadedPlugin {
 public:
  virtual ~LoadedPlugin() = default;
  virtual const CatalogEntry& entry() const = 0;
  /// @param options complete: checked, defaults filled in
  /// @throws Failure(resolution) that names the plugin when probe fails
  virtual ProbeVerdict probe(const OptionTable& options) = 0;
  /// The instance goes back to the plugin's own destroy when the pointer dies.
  /// @param options complete: checked, defaults filled in
  /// @throws Failure(resolution) that names the plugin
  virtual std::shared_ptr<PrecisionBackend> create_precision(
      const OptionTable& options) = 0;
  virtual std::shared_ptr<Feature> create_feature(
      const OptionTable& options) = 0;
};

/// Opens the library once; later calls return the same object. The registry
/// is leaked on purpose: nothing is ever unloaded.
/// @throws Failure(resolution) with the loader's message
LoadedPlugin& load_plugin(const CatalogEntry& entry);

/// Facts of this machine, found once. The CUDA device they tell of is that of
/// the run, the first one until the run has chosen.
const OctetHost& host_facts();

/// The run computes on that CUDA device, or on the CPU: -1. To be called before
/// the first plugin is loaded; a run on the CPU has no CUDA device to offer.
void use_host_device(int index);
/// That device: 0 until the run has chosen, -1 for the CPU.
int host_device();

} // namespace octet
