// Through c10's device interface: nothing of CUDA is linked.
#include "core/train/device.h"

#include "core/base/problems.h"
#include "core/train/entries.h"

#include <ATen/ops/ones.h>
#include <ATen/TensorOperators.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

namespace octet {

at::Device open_device(RunDevice& device) {
  if (!device.cuda) {
    return at::kCPU;
  }
  device.versions = load_torch_cuda(device.libraries);
  const at::Device opened(
      at::kCUDA, static_cast<c10::DeviceIndex>(device.facts.index));
  try {
    const c10::impl::VirtualGuardImpl guard(at::kCUDA);
    guard.setDevice(opened);
    // The first kernel shows whether driver, libraries and device fit.
    const auto two =
        (at::ones({1}, opened) + at::ones({1}, opened)).item<float>();
    if (two == 2) {
      return opened;
    }
  } catch (const c10::Error& error) {
    throw Failure(
        ExitCode::resolution,
        "device",
        "expected " + device.name() + " (" + device.facts.name +
            ") to compute, found: " + error.what_without_backtrace() +
            "; trainer doctor tells what is here, and run.device = \"cpu\" "
            "computes without it");
  }
  throw Failure(
      ExitCode::resolution,
      "device",
      "expected 1 + 1 = 2 on " + device.name() + " (" + device.facts.name +
          "), found another number; set run.device = \"cpu\"");
}

RunDevice examine_device(const RunDevice& device) {
  RunDevice examined = device;
  open_device(examined);
  return examined;
}

int64_t peak_device_memory(const at::Device& device) {
  using c10::CachingAllocator::StatType;
  if (device.is_cpu()) {
    return 0;
  }
  try {
    return c10::getDeviceAllocator(device.type())
        ->getDeviceStats(device.index())
        .allocated_bytes[static_cast<size_t>(StatType::AGGREGATE)]
        .peak;
  } catch (const c10::Error&) {
    return 0; // a figure that cannot be had must not end a run
  }
}

void synchronize(const at::Device& device) {
  if (!device.is_cpu()) {
    const c10::impl::VirtualGuardImpl guard(device.type());
    guard.synchronizeDevice(guard.getDevice().index());
  }
}

} // namespace octet
