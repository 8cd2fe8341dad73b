// The plugin's door.
#include "backend.h"

#include <octet/register.h>

namespace {

octet::ProbeResult probe(const OctetHost&, const octet::Options&) {
  return {true, "emulated: shows what the formats cost, saves no time"};
}

std::unique_ptr<octet::PrecisionBackend> create(
    const OctetHost&,
    const octet::Options& options) {
  return std::make_unique<octet::mx::Backend>(
      octet::mx::element_format(options.string("element")),
      octet::mx::element_format(options.string("gradient")));
}

} // namespace

OCTET_PRECISION_PLUGIN(probe, create)
