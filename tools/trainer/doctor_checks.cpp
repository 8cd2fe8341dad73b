// Files and the driver are looked at here; libraries are opened in a child, so
// that one that crashes is a row and not the end of the report.
#include "tools/trainer/doctor_checks.h"

#include "core/base/problems.h"
#include "core/plugin/inspect.h"
#include "core/plugin/loaded_plugin.h"
#include "core/report/environment.h"
#include "core/report/progress.h"
#include "core/resolve/needs.h"
#include "tools/trainer/child_output.h"
#include "tools/trainer/device_choice.h"
#include "tools/trainer/plugin_catalog.h"
#include "tools/trainer/plugin_gates.h"
#include "tools/trainer/training_library.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <sstream>

namespace octet {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::chrono::seconds kOpening{180}, kGate{60};

std::string libtorch_version() {
  const std::string key = "libtorch=", text(host_fingerprint());
  const size_t at = text.find(key);
  return at == std::string::npos
      ? ""
      : text.substr(at + key.size(), text.find('\n', at) - at - key.size());
}

std::string joined(
    const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) {
    if (!value.empty()) {
      text += (text.empty() ? "" : ", ") + name + " " + value;
    }
  }
  return text;
}

void tell(const json& line) {
  std::cout << line.dump(-1, ' ', false, json::error_handler_t::replace)
            << std::endl;
}

class Examination {
 public:
  Examination(
      std::string asked,
      const fs::path& libraries,
      const CommandLine& line)
      : asked_(std::move(asked)),
        line_(line),
        found_(find_cuda_libraries(libraries, libtorch_folder())) {}

  DoctorReport run() {
    look_at_machine();
    look_at_driver();
    choose();
    open_libraries();
    look_at_transformer_engine();
    look_at_plugins();
    return std::move(report_);
  }

 private:
  void row(
      const std::string& name,
      const std::string& status,
      const std::string& found,
      const std::string& advice = "") {
    report_.rows.push_back({name, status, found, advice});
  }

  void look_at_machine() {
    const Environment machine = read_environment();
    row("processor",
        "ok",
        machine.cpu + ", " + std::to_string(machine.cores) + " cores, " +
            format_bytes(machine.memory));
    row("system", "ok", machine.system);
  }

  void look_at_driver() {
    const CudaDriver& driver = cuda_driver();
    if (driver.devices.empty()) {
      row("driver",
          "missing",
          driver.problem,
          "to train on a GPU, install NVIDIA's driver (580 or newer)");
      return;
    }
    row("driver",
        "ok",
        (driver.release.empty() ? "" : driver.release + ", ") + "for CUDA " +
            cuda_version_text(driver.cuda_version));
    for (const CudaDevice& device : driver.devices) {
      const std::string unusable = unusable_device(driver, device);
      row("GPU " + std::to_string(device.index),
          unusable.empty() ? "ok" : "missing",
          device.name + ", compute capability " +
              capability_text(device.capability) + ", " +
              format_bytes(static_cast<int64_t>(device.memory)),
          unusable);
    }
  }

  void choose() {
    try {
      report_.chosen = choose_device(asked_, "", cuda_driver(), found_);
      report_.device = report_.chosen.name();
      report_.reason = report_.chosen.reason;
    } catch (const Failure& failure) {
      report_.reason = failure.message();
    }
    use_host_device(report_.chosen.cuda ? report_.chosen.facts.index : -1);
  }

  void open_libraries() {
    const int index = report_.chosen.cuda ? report_.chosen.facts.index : -1;
    const ChildOutput child = run_self(
        {"doctor", "--child", found_.folder.string(), std::to_string(index)},
        kOpening);
    std::map<std::string, json> steps;
    std::istringstream lines(child.out);
    for (std::string text; std::getline(lines, text);) {
      const json step = json::parse(text, nullptr, false);
      if (step.is_object() && step.contains("step")) {
        steps[step["step"]] = step;
      }
    }
    const std::string ending = child.status == -1
        ? "gave no answer within " + std::to_string(kOpening.count()) + " s"
        : "ended with status " + std::to_string(child.status);
    const auto problem = [&](const std::string& step) {
      return steps.count(step) == 0 ? "opening it " + ending + " " + child.err
                                    : steps[step].value("error", "");
    };
    const std::string libtorch = problem("libtorch");
    row("LibTorch",
        libtorch.empty() ? "ok" : "broken",
        libtorch.empty()
            ? libtorch_version() + " (" + libtorch_folder().string() + ")"
            : libtorch,
        libtorch.empty() ? "" : "run tools/setup, and build or install Octet");
    if (found_.folder.empty()) {
      std::vector<std::string> folders;
      for (const fs::path& folder : found_.searched) {
        folders.push_back(folder.string());
      }
      row("CUDA libraries",
          "missing",
          "none in " + join_names(folders),
          "to train on a GPU, run tools/setup --cuda");
    } else if (libtorch.empty()) {
      cuda_row(problem("cuda"), steps["cuda"]);
    }
  }

  void cuda_row(const std::string& problem, const json& loaded) {
    if (!problem.empty()) {
      row("CUDA libraries",
          "broken",
          problem,
          "run tools/setup --cuda again; what is in " + found_.folder.string() +
              " does not work");
      return;
    }
    report_.chosen.versions = {
        loaded.value("cuda", ""),
        loaded.value("cublas", ""),
        loaded.value("cudnn", "")};
    row("CUDA libraries",
        "ok",
        joined(
            {{"CUDA", report_.chosen.versions.runtime},
             {"cuBLAS", report_.chosen.versions.cublas},
             {"cuDNN", report_.chosen.versions.cudnn}}) +
            (report_.chosen.cuda ? ", and the GPU computes" : "") + " (" +
            found_.folder.string() + ")");
  }

  // The backend that binds it looks in more places, and says so where there is
  // a GPU for it.
  void look_at_transformer_engine() {
    const fs::path folder = setup_folder("transformer-engine");
    std::error_code error;
    const bool here = fs::exists(
        folder / "transformer_engine/wheel_lib/libtransformer_engine.so",
        error);
    row("Transformer Engine",
        here ? "ok" : "missing",
        here ? "in " + folder.string() : "not in " + folder.string(),
        here ? ""
             : "for the te backend, run tools/setup --te, or install it with "
               "pip (docs/te.md)");
  }

  void look_at_plugins() {
    const Catalog catalog = catalog_of(line_);
    for (const CatalogEntry& entry : catalog.entries) {
      if (entry.status == PluginStatus::shadowed ||
          !catalog.is_backend(entry)) {
        continue;
      }
      const std::string name = "backend " + entry.manifest.name;
      if (entry.status != PluginStatus::ready) {
        row(name, "broken", entry.reason, "trainer plugins doctor tells more");
        continue;
      }
      const std::string unmet = unmet_needs(entry.manifest.needs, host_facts());
      if (!unmet.empty()) {
        row(name, "missing", unmet);
        continue;
      }
      probe(entry, name);
    }
  }

  void probe(const CatalogEntry& entry, const std::string& name) {
    for (const GateResult& gate :
         GateChild(entry, {}, LastGate::probe).wait({kGate, kGate})) {
      if (gate.status == "failed") {
        row(name,
            "broken",
            gate.gate + ": " + gate.reason,
            "trainer plugins doctor tells more");
        return;
      }
      if (gate.gate == "probe") {
        row(name, gate.status == "ok" ? "ok" : "missing", gate.reason);
      }
    }
  }

  std::string asked_;
  const CommandLine& line_;
  CudaLibraries found_;
  DoctorReport report_;
};

} // namespace

bool DoctorReport::broken() const {
  return device.empty() ||
      std::any_of(rows.begin(), rows.end(), [](const DoctorRow& row) {
           return row.status == "broken";
         });
}

DoctorReport examine_machine(
    const std::string& asked,
    const fs::path& libraries,
    const CommandLine& line) {
  return Examination(asked, libraries, line).run();
}

ExitCode run_doctor_child(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) {
    throw Failure(
        ExitCode::usage,
        "doctor",
        "expected FOLDER and DEVICE; this command is internal, see `trainer "
        "doctor --help`");
  }
  std::string step = "libtorch";
  try {
    const TrainLibrary& library = training_library();
    tell({{"step", step}});
    if (arguments[0].empty()) {
      return ExitCode::success;
    }
    step = "cuda";
    RunDevice device;
    device.libraries = arguments[0];
    const int index = std::stoi(arguments[1]);
    if (index >= 0) {
      device.cuda = true;
      device.facts = cuda_driver().devices.at(static_cast<size_t>(index));
      device = library.examine_device(device);
    } else {
      device.versions = load_torch_cuda(device.libraries);
    }
    tell(
        {{"step", step},
         {"cuda", device.versions.runtime},
         {"cublas", device.versions.cublas},
         {"cudnn", device.versions.cudnn}});
  } catch (const Error& error) {
    tell({{"step", step}, {"error", error.message()}});
  } catch (const std::exception& error) {
    tell({{"step", step}, {"error", error.what()}});
  }
  return ExitCode::success;
}

} // namespace octet
