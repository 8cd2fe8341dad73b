// The devices that tests of tensors run on.
#pragma once

#include "core/cuda/driver.h"
#include "core/cuda/libraries.h"

#include <c10/core/Device.h>

#include <vector>

namespace octet {

/// The CPU, and the first GPU where there is one with its libraries.
inline std::vector<at::Device> test_devices() {
  std::vector<at::Device> devices = {at::kCPU};
  const CudaLibraries libraries = find_cuda_libraries("", "");
  if (!cuda_driver().devices.empty() && !libraries.folder.empty()) {
    load_torch_cuda(libraries.folder);
    devices.emplace_back(at::kCUDA, 0);
  }
  return devices;
}

} // namespace octet
