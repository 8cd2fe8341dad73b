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

/// Facts of this machine, found once.
const OctetHost& host_facts();

} // namespace octet
