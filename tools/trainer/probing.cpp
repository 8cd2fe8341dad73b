// The order matters: LibTorch first, then the plugin that needs it.
#include "tools/trainer/probing.h"

#include "tools/trainer/training_library.h"

namespace octet {

ProbeVerdict probe_plugin(
    const CatalogEntry& entry,
    const OptionTable& options) {
  training_library();
  return load_plugin(entry).probe(options);
}

} // namespace octet
