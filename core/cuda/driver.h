// What NVIDIA's driver says about this machine. libcuda is asked directly,
// because LibTorch keeps CUDA disabled when it is asked before its CUDA library
// is loaded; nothing of CUDA is linked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octet {

struct CudaDevice {
  int index = 0;
  /// "NVIDIA H100 80GB HBM3"
  std::string name;
  /// 10 * major + minor: 90.
  unsigned capability = 0;
  /// Bytes.
  uint64_t memory = 0;
};

struct CudaDriver {
  /// Empty when there are none; `problem` then says why.
  std::vector<CudaDevice> devices;
  /// "no NVIDIA driver (libcuda.so.1 was not found)"; empty with a device.
  std::string problem;
  /// CUDA that the driver can run: 1000 * major + 10 * minor; 0 without one.
  int cuda_version = 0;
  /// Of the driver itself: "580.65.06"; empty where the kernel does not tell.
  std::string release;
};

/// Asks the driver once.
const CudaDriver& cuda_driver();

/// "13.0" of 13000 or 13.1 of 13010; "" of 0.
std::string cuda_version_text(int version);

/// "9.0" of 90.
std::string capability_text(unsigned capability);

} // namespace octet
