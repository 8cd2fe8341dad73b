// What `trainer doctor` looks at, one row each.
#pragma once

#include "core/base/problems.h"
#include "core/cuda/run_device.h"
#include "tools/trainer/command_line.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace octet {

struct DoctorRow {
  /// "driver", "GPU 0", "cuBLAS", ...
  std::string name;
  /// "ok", "missing" (a run without it is possible) or "broken".
  std::string status;
  /// What is here.
  std::string found;
  /// Empty when nothing needs doing.
  std::string advice;
};

struct DoctorReport {
  std::vector<DoctorRow> rows;
  /// Where a run with the asked device computes; empty name when it cannot.
  std::string device, reason;
  /// Facts of the device, as in resolution.json.
  RunDevice chosen;

  bool broken() const;
};

/// @param asked a value of run.device
/// @param libraries run.cuda_libraries, or empty
DoctorReport examine_machine(
    const std::string& asked,
    const std::filesystem::path& libraries,
    const CommandLine& line);

/// What the child runs: `trainer doctor --child FOLDER DEVICE`.
ExitCode run_doctor_child(const std::vector<std::string>& arguments);

} // namespace octet
