// The built-in manifests. Sharding is known to the resolver before it exists,
// so that plugins can declare themselves and the matrix is whole; a run that
// asks for it is told that it does not exist.
#include "core/plugin/core_capabilities.h"

namespace octet {

namespace {

constexpr const char* kSharding = R"(
[plugin]
name = "fsdp"
kind = "feature"
version = "0.0.0"
summary = "Weights, gradients and optimizer state sharded over processes; not built yet"
license = "Apache-2.0"
provides = ["fsdp"]
)";

CoreCapability capability(const char* manifest, std::string missing) {
  CoreCapability made;
  made.entry.manifest = parse_manifest(manifest, "a manifest of the core");
  made.entry.origin = "core";
  made.missing = std::move(missing);
  return made;
}

} // namespace

const std::vector<CoreCapability>& core_capabilities() {
  static const auto& all = *new std::vector<CoreCapability>{
      capability(kSharding, "Octet trains in one process and cannot shard yet"),
  };
  return all;
}

const CoreCapability* find_core_capability(const std::string& name) {
  for (const CoreCapability& capability : core_capabilities()) {
    if (capability.entry.manifest.name == name) {
      return &capability;
    }
  }
  return nullptr;
}

} // namespace octet
