// Hard needs of a plugin against the facts of the machine.
#include "core/resolve/needs.h"

#include "core/base/problems.h"

#include <algorithm>

namespace octet {

namespace {

// "8.9" and ">=9.0" (the manifest's schema allows nothing else) as 89 and 90.
bool accepts(const std::string& wanted, uint32_t capability) {
  const bool at_least = wanted.rfind(">=", 0) == 0;
  const std::string number = wanted.substr(at_least ? 2 : 0);
  const size_t dot = number.find('.');
  const auto value = static_cast<uint32_t>(
      10 * std::stoul(number.substr(0, dot)) +
      std::stoul(number.substr(dot + 1)));
  return at_least ? capability >= value : capability == value;
}

} // namespace

std::string unmet_needs(const Needs& needs, const OctetHost& host) {
  if (needs.device.empty()) {
    return "";
  }
  if (host.cuda_device_count == 0) {
    return host.cuda_name[0] == '\0'
        ? "needs a CUDA device; this machine has none"
        : "needs a CUDA device; this run computes on the CPU (run.device)";
  }
  const bool fits = needs.capability.empty() ||
      std::any_of(needs.capability.begin(),
                  needs.capability.end(),
                  [&](const std::string& wanted) {
                    return accepts(wanted, host.cuda_capability);
                  });
  if (fits) {
    return "";
  }
  std::string wanted;
  for (const std::string& capability : needs.capability) {
    wanted += (wanted.empty() ? "" : " or ") + capability;
  }
  return "needs compute capability " + wanted + "; this run's GPU has " +
      std::to_string(host.cuda_capability / 10) + "." +
      std::to_string(host.cuda_capability % 10);
}

} // namespace octet
