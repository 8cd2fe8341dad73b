// Error codes: CUresult of cuda.h.
#include "core/cuda/driver.h"

#include <fstream>
#include <sstream>

#include <dlfcn.h>

namespace octet {
namespace {

constexpr int kSuccess = 0, kNoDevice = 100, kNotPermitted = 800,
              kDriverMismatch = 803, kUnknown = 999;
// CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
constexpr int kMajor = 75, kMinor = 76;

std::string meaning(int code) {
  switch (code) {
    case kNoDevice:
      return "it sees no device: is a GPU there, and is CUDA_VISIBLE_DEVICES "
             "right?";
    case kNotPermitted:
      return "it may not use the device; a container needs --gpus all";
    case kDriverMismatch:
      return "its two parts have different versions; restart after an update "
             "of the driver";
    case kUnknown:
      return "the device is in no good state; nvidia-smi tells more, a restart "
             "may help";
    default:
      return "see CUresult " + std::to_string(code) + " in cuda.h";
  }
}

template <typename Function>
bool find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(::dlsym(library, name));
  return function != nullptr;
}

/// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Wed ...": the
/// first word that begins with a digit and has a dot.
std::string kernel_module_release() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string line;
  std::getline(file, line);
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    if (word.find('.') != std::string::npos && word.front() >= '0' &&
        word.front() <= '9') {
      return word;
    }
  }
  return "";
}

struct Functions {
  int (*init)(unsigned);
  int (*count)(int*);
  int (*attribute)(int*, int, int);
  int (*name)(char*, int, int);
  int (*memory)(size_t*, int);
  int (*version)(int*);
};

/// One that the driver does not describe has zeros.
CudaDevice device_at(const Functions& driver, int index) {
  CudaDevice device;
  device.index = index;
  int major = 0, minor = 0;
  if (driver.attribute(&major, kMajor, index) == kSuccess &&
      driver.attribute(&minor, kMinor, index) == kSuccess) {
    device.capability = static_cast<unsigned>(10 * major + minor);
  }
  char name[256] = {};
  if (driver.name(name, sizeof(name) - 1, index) == kSuccess) {
    device.name = name;
  }
  size_t bytes = 0;
  if (driver.memory(&bytes, index) == kSuccess) {
    device.memory = bytes;
  }
  return device;
}

CudaDriver ask() {
  CudaDriver found;
  found.release = kernel_module_release();
  // Stays open: the driver has threads once it was asked.
  void* library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    found.problem = "no NVIDIA driver (libcuda.so.1 was not found)";
    return found;
  }
  Functions driver{};
  const bool complete = find(library, "cuInit", driver.init) &&
      find(library, "cuDeviceGetCount", driver.count) &&
      find(library, "cuDeviceGetAttribute", driver.attribute) &&
      find(library, "cuDeviceGetName", driver.name) &&
      find(library, "cuDeviceTotalMem_v2", driver.memory) &&
      find(library, "cuDriverGetVersion", driver.version);
  if (!complete) {
    found.problem = "libcuda.so.1 is no NVIDIA driver: functions are missing";
    return found;
  }
  driver.version(&found.cuda_version);
  const int code = driver.init(0);
  int count = 0;
  const int counted = code == kSuccess ? driver.count(&count) : code;
  if (counted != kSuccess || count < 1) {
    found.problem = "the NVIDIA driver cannot be used: " +
        meaning(counted == kSuccess ? kNoDevice : counted);
    return found;
  }
  for (int index = 0; index < count; ++index) {
    found.devices.push_back(device_at(driver, index));
  }
  return found;
}

} // namespace

const CudaDriver& cuda_driver() {
  static const CudaDriver driver = ask();
  return driver;
}

std::string cuda_version_text(int version) {
  return version == 0 ? ""
                      : std::to_string(version / 1000) + "." +
          std::to_string(version % 1000 / 10);
}

std::string capability_text(unsigned capability) {
  return std::to_string(capability / 10) + "." +
      std::to_string(capability % 10);
}

} // namespace octet
