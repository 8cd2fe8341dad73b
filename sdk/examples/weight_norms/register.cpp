// The plugin's door.
#include "weight_norms.h"

#include <octet/register.h>

namespace {

octet::ProbeResult probe(const OctetHost&, const octet::Options&) {
  return {true, "runs everywhere"};
}

std::unique_ptr<octet::Feature> create(
    const OctetHost& host,
    const octet::Options& options) {
  // The host's facts, its log among them, outlive every plugin.
  return std::make_unique<octet::weight_norms::WeightNorms>(
      octet::weight_norms::Settings{
          options.integer("every"), options.strings("roles")},
      [log = host.log](const std::string& line) {
        log(/*info=*/1, "weight_norms", line.c_str());
      });
}

} // namespace

OCTET_FEATURE_PLUGIN(probe, create)
