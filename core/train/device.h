// The device of a run, for tensors: CUDA libraries loaded, a first tensor made.
#pragma once

#include "core/cuda/run_device.h"

#include <c10/core/Device.h>

#include <cstdint>

namespace octet {

/// Loads what the device needs and fills in its versions. For the CPU nothing.
/// @throws Failure(resolution) when it cannot be used
at::Device open_device(RunDevice& device);

/// The largest number of bytes that tensors took on a device so far; 0 on the
/// CPU, whose memory is the process's.
int64_t peak_device_memory(const at::Device& device);

/// Waits for work that was only queued.
void synchronize(const at::Device& device);

} // namespace octet
