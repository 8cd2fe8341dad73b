// What this machine has: instruction sets that the operating system also lets
// us use, and CUDA devices as the driver counts them.
#define BOOST_DLL_USE_STD_FS
#include "core/plugin/loaded_plugin.h"

#include <spdlog/spdlog.h>
#include <boost/dll/shared_library.hpp>

#include <cpuid.h>

namespace octet {

namespace {

// AMX needs three things: tiles, bf16 products, and their state enabled by the
// operating system (bits 17 and 18 of XCR0).
bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kOsXsave = 1u << 27;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsXsave) == 0) {
    return false;
  }
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileState = 3u << 17;
  if ((low & kTileState) != kTileState ||
      __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) {
    return false;
  }
  constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
  return (d & kAmxBf16) != 0 && (d & kAmxTile) != 0;
}

void log_line(int level, const char* plugin, const char* message) {
  const auto to = level <= 0 ? spdlog::level::debug
      : level == 1           ? spdlog::level::info
                             : spdlog::level::warn;
  spdlog::log(to, "[{}] {}", plugin, message);
}

// What is nice to know about device 0; a driver that does not say leaves zeros.
void describe_device(
    const boost::dll::shared_library& driver,
    OctetHost& host) {
  int version = 0;
  size_t bytes = 0;
  if (driver.has("cuDriverGetVersion") &&
      driver.get<int(int*)>("cuDriverGetVersion")(&version) == 0) {
    host.cuda_driver_version = static_cast<uint32_t>(version);
  }
  if (driver.has("cuDeviceTotalMem_v2") &&
      driver.get<int(size_t*, int)>("cuDeviceTotalMem_v2")(&bytes, 0) == 0) {
    host.cuda_memory = bytes;
  }
  if (driver.has("cuDeviceGetName")) {
    driver.get<int(char*, int, int)>("cuDeviceGetName")(
        host.cuda_name, static_cast<int>(sizeof(host.cuda_name)) - 1, 0);
  }
}

// The driver is asked directly, because LibTorch keeps CUDA disabled when it is
// asked before its CUDA library is loaded.
void find_cuda(OctetHost& host) {
  std::error_code error;
  boost::dll::shared_library driver;
  driver.load(
      "libcuda.so.1",
      boost::dll::load_mode::rtld_now |
          boost::dll::load_mode::search_system_folders,
      error);
  const bool complete = !error && driver.has("cuInit") &&
      driver.has("cuDeviceGetCount") && driver.has("cuDeviceGetAttribute");
  if (!complete) {
    return;
  }
  int count = 0, major = 0, minor = 0;
  if (driver.get<int(unsigned)>("cuInit")(0) != 0 ||
      driver.get<int(int*)>("cuDeviceGetCount")(&count) != 0 || count < 1) {
    return;
  }
  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of device 0.
  auto& attribute = driver.get<int(int*, int, int)>("cuDeviceGetAttribute");
  if (attribute(&major, 75, 0) != 0 || attribute(&minor, 76, 0) != 0) {
    return;
  }
  describe_device(driver, host);
  host.cuda_device_count = static_cast<uint32_t>(count);
  host.cuda_capability = static_cast<uint32_t>(10 * major + minor);
  // The driver has threads by now: it stays loaded.
  static auto& kept = *new boost::dll::shared_library;
  kept.swap(driver);
}

OctetHost find_facts() {
  OctetHost host{};
  host.struct_size = sizeof(OctetHost);
  host.cpu_avx2 = __builtin_cpu_supports("avx2") ? 1 : 0;
  host.cpu_avx512f = __builtin_cpu_supports("avx512f") ? 1 : 0;
  host.cpu_avx512_bf16 = __builtin_cpu_supports("avx512bf16") ? 1 : 0;
  host.cpu_amx_bf16 = has_amx_bf16() ? 1 : 0;
  host.log = log_line;
  find_cuda(host);
  return host;
}

} // namespace

const OctetHost& host_facts() {
  static const OctetHost host = find_facts();
  return host;
}

} // namespace octet
