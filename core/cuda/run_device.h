// Which device a run computes on: run.device against what the driver and the
// disk have. A name never falls back; `auto` takes the first GPU that can be
// used, else the CPU, and says why.
#pragma once

#include "core/cuda/driver.h"
#include "core/cuda/libraries.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <utility>
#include <vector>

namespace octet {

struct RunDevice {
  /// What run.toml says: "auto".
  std::string asked = "cpu";
  bool cuda = false;
  /// Why this one.
  std::string reason;
  /// Of a CUDA device.
  CudaDevice facts;
  /// CUDA that the driver can run, and its release.
  int driver_cuda = 0;
  std::string driver_release;
  /// Where LibTorch's CUDA library is.
  std::filesystem::path libraries;
  /// Known once they are loaded.
  CudaVersions versions;

  /// "cpu" or "cuda:0"
  std::string name() const;
  /// "cuda:0, NVIDIA H100 80GB HBM3: the first GPU"
  std::string text() const;
  /// Name and value of each fact, for tables; none for the CPU.
  std::vector<std::pair<std::string, std::string>> rows() const;
};

/// "" when `text` is auto, cpu, cuda or cuda:N, else what was expected.
std::string device_name_problem(const std::string& text);

/// Why a run cannot use a device; "" when it can.
std::string unusable_device(const CudaDriver& driver, const CudaDevice& device);

/// @param asked run.device, one of the four forms
/// @param place where it was written, for messages; may be empty
/// @throws Failure(resolution) when a CUDA device was named that cannot be used
RunDevice choose_device(
    const std::string& asked,
    const std::string& place,
    const CudaDriver& driver,
    const CudaLibraries& libraries);

/// The object `device` of resolution.json.
nlohmann::json to_json(const RunDevice& device);

} // namespace octet
