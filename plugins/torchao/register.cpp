// The plugin's door.
#include "backend.h"

#include <octet/register.h>

namespace {

octet::ProbeResult probe(const OctetHost& host, const octet::Options& options) {
  using namespace octet::torchao;
  try {
    const Settings settings = read_settings(host, options);
    const std::string missing = missing_device(settings, host);
    return missing.empty() ? octet::ProbeResult{true, describe(settings, host)}
                           : octet::ProbeResult{false, missing};
  } catch (const octet::Error& contradiction) {
    return {false, contradiction.message()};
  }
}

std::unique_ptr<octet::PrecisionBackend> create(
    const OctetHost& host,
    const octet::Options& options) {
  return std::make_unique<octet::torchao::Backend>(
      octet::torchao::read_settings(host, options));
}

} // namespace

OCTET_PRECISION_PLUGIN(probe, create)
