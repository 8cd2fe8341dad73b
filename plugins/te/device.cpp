// Streams by c10's device interface, memory by ATen's allocator.
#include "device.h"

#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace octet::te {

abi::Stream current_stream(const at::Device& device) {
  if (device.is_cpu()) {
    return nullptr;
  }
  const c10::impl::VirtualGuardImpl implementation(device.type());
  const c10::Device exact =
      device.has_index() ? device : implementation.getDevice();
  return implementation.getStream(exact).native_handle();
}

at::Tensor make_workspace(const at::Device& device, unsigned capability) {
  constexpr int64_t kMiB = int64_t{1} << 20;
  const int64_t bytes = device.is_cpu() ? 1024
      : capability >= 90                ? 32 * kMiB + 1024
                                        : 4 * kMiB;
  return at::empty({bytes}, at::TensorOptions(at::kByte).device(device));
}

} // namespace octet::te
