// CUDA 13.0, which LibTorch 2.13 is built with, needs a driver that can run it
// (580 and newer); bf16 and its flash attention need compute capability 8.0.
#include "core/cuda/run_device.h"

#include "core/base/problems.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdio>

namespace octet {
namespace {

constexpr int kOldestCuda = 13000;
constexpr unsigned kOldestCapability = 80;

/// N of "cuda:N"; 0 for "cuda"; -1 when it is neither.
int index_of(const std::string& text) {
  if (text == "cuda") {
    return 0;
  }
  const std::string start = "cuda:";
  int index = -1;
  if (text.rfind(start, 0) == 0) {
    const char* end = text.data() + text.size();
    const auto [last, error] =
        std::from_chars(text.data() + start.size(), end, index);
    if (error != std::errc() || last != end || index < 0) {
      return -1;
    }
  }
  return index;
}

std::string searched_text(const CudaLibraries& libraries) {
  std::vector<std::string> folders;
  for (const auto& folder : libraries.searched) {
    folders.push_back(folder.string());
  }
  return folders.empty() ? "nowhere" : join_names(folders);
}

std::string missing_libraries(const CudaLibraries& libraries) {
  return libraries.folder.empty()
      ? "LibTorch's CUDA library torch/lib/libtorch_cuda.so is not there "
        "(looked in " +
          searched_text(libraries) + ")"
      : "";
}

std::string gigabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(
      text, sizeof(text), "%.1f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

/// The rest of a RunDevice that computes on a device.
void use(
    RunDevice& chosen,
    const CudaDevice& device,
    const CudaDriver& driver,
    const CudaLibraries& libraries) {
  chosen.cuda = true;
  chosen.facts = device;
  chosen.driver_cuda = driver.cuda_version;
  chosen.driver_release = driver.release;
  chosen.libraries = libraries.folder;
}

void choose_automatically(
    RunDevice& chosen,
    const CudaDriver& driver,
    const CudaLibraries& libraries) {
  if (driver.devices.empty()) {
    chosen.reason = driver.problem;
    return;
  }
  std::string why;
  for (const CudaDevice& device : driver.devices) {
    why = unusable_device(driver, device);
    if (!why.empty()) {
      continue;
    }
    why = missing_libraries(libraries);
    if (why.empty()) {
      use(chosen, device, driver, libraries);
      chosen.reason = "the first GPU that can be used";
      return;
    }
    why += "; tools/setup --cuda brings it";
    break;
  }
  chosen.reason =
      "the GPU (" + driver.devices.front().name + ") is not used: " + why;
}

} // namespace

std::string device_name_problem(const std::string& text) {
  return text == "auto" || text == "cpu" || index_of(text) >= 0
      ? ""
      : "expected \"auto\", \"cpu\", \"cuda\" or \"cuda:1\"";
}

std::string unusable_device(
    const CudaDriver& driver,
    const CudaDevice& device) {
  if (driver.cuda_version < kOldestCuda) {
    return "LibTorch needs a driver for CUDA 13.0 (580 or newer), and this one "
           "is for CUDA " +
        cuda_version_text(driver.cuda_version) + "; update the driver";
  }
  if (device.capability < kOldestCapability) {
    return "bf16 and flash attention need compute capability 8.0 or above, "
           "and " +
        device.name + " has " + capability_text(device.capability);
  }
  return "";
}

RunDevice choose_device(
    const std::string& asked,
    const std::string& place,
    const CudaDriver& driver,
    const CudaLibraries& libraries) {
  RunDevice chosen;
  chosen.asked = asked;
  if (asked == "cpu") {
    chosen.reason = "asked for";
    return chosen;
  }
  if (asked == "auto") {
    choose_automatically(chosen, driver, libraries);
    return chosen;
  }
  const std::string key = "run.device = \"" + asked + "\"" +
      (place.empty() ? "" : " (" + place + ")");
  const auto refuse = [&](const std::string& text) {
    throw Failure(ExitCode::resolution, "device", key + ": " + text);
  };
  if (driver.devices.empty()) {
    refuse(
        "expected an NVIDIA GPU, found none: " + driver.problem +
        "; install the driver on a machine with a GPU, or set run.device = "
        "\"cpu\"");
  }
  const auto index = static_cast<size_t>(index_of(asked));
  if (index >= driver.devices.size()) {
    std::vector<std::string> names;
    for (const CudaDevice& device : driver.devices) {
      names.push_back("cuda:" + std::to_string(device.index));
    }
    refuse(
        "expected a GPU of this machine, which has " + join_names(names) +
        "; name one of them");
  }
  const CudaDevice& device = driver.devices[index];
  const std::string unusable = unusable_device(driver, device);
  if (!unusable.empty()) {
    refuse(unusable + ", or set run.device = \"cpu\"");
  }
  const std::string missing = missing_libraries(libraries);
  if (!missing.empty()) {
    refuse(
        missing +
        "; run tools/setup --cuda, or give its folder in run.cuda_libraries");
  }
  use(chosen, device, driver, libraries);
  chosen.reason = "asked for";
  return chosen;
}

std::string RunDevice::name() const {
  return cuda ? "cuda:" + std::to_string(facts.index) : "cpu";
}

std::string RunDevice::text() const {
  return name() + (cuda ? ", " + facts.name : "") + ": " + reason;
}

std::vector<std::pair<std::string, std::string>> RunDevice::rows() const {
  if (!cuda) {
    return {};
  }
  std::vector<std::pair<std::string, std::string>> rows = {
      {"GPU", facts.name},
      {"compute capability", capability_text(facts.capability)},
      {"GPU memory", gigabytes(facts.memory)},
      {"driver",
       (driver_release.empty() ? "" : driver_release + ", ") + "for CUDA " +
           cuda_version_text(driver_cuda)}};
  for (const auto& [name, version] :
       {std::pair{"CUDA", versions.runtime},
        std::pair{"cuBLAS", versions.cublas},
        std::pair{"cuDNN", versions.cudnn}}) {
    if (!version.empty()) {
      rows.emplace_back(name, version);
    }
  }
  return rows;
}

nlohmann::json to_json(const RunDevice& device) {
  nlohmann::json json = {
      {"asked", device.asked},
      {"name", device.name()},
      {"reason", device.reason}};
  if (device.cuda) {
    json["gpu"] = {
        {"name", device.facts.name},
        {"capability", capability_text(device.facts.capability)},
        {"memory", device.facts.memory},
        {"driver", device.driver_release},
        {"driver_cuda", cuda_version_text(device.driver_cuda)},
        {"cuda", device.versions.runtime},
        {"cublas", device.versions.cublas},
        {"cudnn", device.versions.cudnn}};
  }
  return json;
}

} // namespace octet
