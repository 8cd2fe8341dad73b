// What this machine has: instruction sets that the operating system also lets
// us use, and CUDA devices as the driver counts them.
#include "core/cuda/driver.h"
#include "core/plugin/loaded_plugin.h"

#include <spdlog/spdlog.h>

#include <cstring>

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

int chosen_device = 0;

void log_line(int level, const char* plugin, const char* message) {
  const auto to = level <= 0 ? spdlog::level::debug
      : level == 1           ? spdlog::level::info
                             : spdlog::level::warn;
  spdlog::log(to, "[{}] {}", plugin, message);
}

void describe(const CudaDevice& device, OctetHost& host) {
  host.cuda_memory = device.memory;
  const std::string name = device.name.substr(0, sizeof(host.cuda_name) - 1);
  std::memset(host.cuda_name, 0, sizeof(host.cuda_name));
  std::memcpy(host.cuda_name, name.data(), name.size());
}

/// Of a device that is not used, its name and memory stay, so that a message
/// can tell it from one that is not there.
void use_device(OctetHost& host, int index) {
  const std::vector<CudaDevice>& devices = cuda_driver().devices;
  const bool used = index >= 0;
  if (!devices.empty()) {
    const CudaDevice& device =
        devices.at(used ? static_cast<size_t>(index) : 0);
    describe(device, host);
    host.cuda_capability = used ? device.capability : 0;
  }
  host.cuda_device_count = used ? static_cast<uint32_t>(devices.size()) : 0;
}

OctetHost find_facts() {
  OctetHost host{};
  host.struct_size = sizeof(OctetHost);
  host.cpu_avx2 = __builtin_cpu_supports("avx2") ? 1 : 0;
  host.cpu_avx512f = __builtin_cpu_supports("avx512f") ? 1 : 0;
  host.cpu_avx512_bf16 = __builtin_cpu_supports("avx512bf16") ? 1 : 0;
  host.cpu_amx_bf16 = has_amx_bf16() ? 1 : 0;
  host.log = log_line;
  host.cuda_driver_version = static_cast<uint32_t>(cuda_driver().cuda_version);
  return host;
}

OctetHost& facts() {
  static OctetHost host = [] {
    OctetHost found = find_facts();
    if (!cuda_driver().devices.empty()) {
      use_device(found, 0);
    }
    return found;
  }();
  return host;
}

} // namespace

const OctetHost& host_facts() {
  return facts();
}

void use_host_device(int index) {
  use_device(facts(), index);
  chosen_device = index;
}

int host_device() {
  return chosen_device;
}

} // namespace octet
