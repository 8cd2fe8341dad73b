// Facts of the machine and of the libraries that a run used.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace octet {

struct Environment {
  std::string cpu; ///< "AMD EPYC 7763 64-Core Processor"
  int64_t cores = 0; ///< that this process may use
  int64_t memory = 0; ///< bytes of the machine
  std::string system; ///< "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
  // Told by who knows LibTorch.
  std::string cpu_capability; ///< "AVX2", "AVX512", "DEFAULT"
  std::string libtorch; ///< "2.13.0"
  int64_t threads = 0;
  std::string octet;
  /// The GPU's name where the run computes on one: "NVIDIA H100 80GB HBM3".
  std::string gpu;
  /// More facts of it, for tables.
  std::vector<std::pair<std::string, std::string>> gpu_rows;

  /// Name and value of each fact, for tables.
  std::vector<std::pair<std::string, std::string>> rows() const;
};

/// Reads what the system tells; the others stay empty.
Environment read_environment();

} // namespace octet
