// The plugin's door.
#include "backend.h"

#include <octet/register.h>

namespace {

octet::ProbeResult probe(const OctetHost&, const octet::Options&) {
  return {true, "single precision runs everywhere"};
}

std::unique_ptr<octet::PrecisionBackend> create(
    const OctetHost&,
    const octet::Options&) {
  return std::make_unique<octet::fp32::Backend>();
}

} // namespace

OCTET_PRECISION_PLUGIN(probe, create)
