// The plugin's door.
#include "feature.h"

#include <octet/register.h>

namespace {

octet::ProbeResult probe(const OctetHost&, const octet::Options&) {
  return {true, "runs everywhere"};
}

std::unique_ptr<octet::Feature> create(
    const OctetHost& host,
    const octet::Options& options) {
  return std::make_unique<octet::lora::LoraFeature>(
      octet::lora::read_settings(options),
      host.cuda_device_count > 0 || host.cpu_avx512_bf16 != 0 ||
          host.cpu_amx_bf16 != 0);
}

} // namespace

OCTET_FEATURE_PLUGIN(probe, create)
