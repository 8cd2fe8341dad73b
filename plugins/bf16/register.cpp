// The plugin's door.
#include "backend.h"

#include <octet/register.h>

namespace {

octet::ProbeResult probe(const OctetHost& host, const octet::Options&) {
  return {true, octet::bf16::describe(host)};
}

std::unique_ptr<octet::PrecisionBackend> create(
    const OctetHost& host,
    const octet::Options&) {
  return std::make_unique<octet::bf16::Backend>(
      octet::bf16::has_bf16_products(host));
}

} // namespace

OCTET_PRECISION_PLUGIN(probe, create)
