// Reads /proc, /etc/os-release and uname.
#include "core/report/environment.h"

#include "core/report/progress.h"

#include <fstream>

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace octet {
namespace {

/// The value after `separator` of the first line that starts with `key`.
std::string
value_in(const std::string& file, const std::string& key, char separator) {
  std::ifstream stream(file);
  std::string line;
  while (std::getline(stream, line)) {
    if (!line.starts_with(key)) {
      continue;
    }
    const size_t at = line.find(separator);
    const size_t start = line.find_first_not_of(" \t\"", at + 1);
    if (at == std::string::npos || start == std::string::npos) {
      return "";
    }
    return line.substr(start, line.find_last_not_of(" \t\"") - start + 1);
  }
  return "";
}

int64_t usable_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    return CPU_COUNT(&set);
  }
  return ::sysconf(_SC_NPROCESSORS_ONLN);
}

} // namespace

Environment read_environment() {
  Environment facts;
  facts.cpu = value_in("/proc/cpuinfo", "model name", ':');
  facts.cores = usable_cores();
  facts.memory =
      static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  struct utsname kernel {};
  ::uname(&kernel);
  facts.system = value_in("/etc/os-release", "PRETTY_NAME", '=');
  facts.system += facts.system.empty() ? "" : ", ";
  facts.system += std::string(kernel.sysname) + " " + kernel.release;
  return facts;
}

std::vector<std::pair<std::string, std::string>> Environment::rows() const {
  std::vector<std::pair<std::string, std::string>> rows = {
      {"Octet", octet},
      {"LibTorch", libtorch},
      {"processor", cpu},
      {"CPU capability", cpu_capability},
      {"threads", std::to_string(threads) + " of " + std::to_string(cores)},
      {"memory", format_bytes(memory)},
      {"system", system}};
  rows.insert(rows.end(), gpu_rows.begin(), gpu_rows.end());
  return rows;
}

} // namespace octet
