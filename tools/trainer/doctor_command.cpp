// trainer doctor: what this machine has for a run, what is missing, what to do.
#include "core/base/terminal.h"
#include "tools/trainer/columns.h"
#include "tools/trainer/commands.h"
#include "tools/trainer/doctor_checks.h"
#include "tools/trainer/plugin_catalog.h"

#include <nlohmann/json.hpp>

#include <iostream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer doctor",
      "[--device D] [--json]",
      "Tells what this machine has for a run: the processor, NVIDIA's driver "
      "and GPUs,\nLibTorch, the CUDA libraries (opened in a child process, and "
      "a GPU computes a sum\nthere), and each precision backend. What is "
      "missing comes with what to do. The exit\nstatus is 3 when something is "
      "broken, or when --device names a device that cannot\nbe used.",
      {{"trainer doctor", "what is here"},
       {"trainer doctor --device cuda", "whether a run on a GPU is possible"},
       {"trainer doctor --json", "for a script, or to attach to a bug"}});
  line.options().add_options()("json", "an object")(
      "device",
      po::value<std::string>()->default_value("auto")->value_name("D"),
      "as run.device: auto, cpu, cuda, cuda:1")(
      "cuda-libraries",
      po::value<std::string>()->default_value("")->value_name("DIR"),
      "as run.cuda_libraries");
  add_plugin_path_option(line.options());
  return line;
}

void print(const DoctorReport& report) {
  const Style style = Style::standard_output();
  std::vector<std::vector<std::string>> cells;
  for (const DoctorRow& row : report.rows) {
    cells.push_back(
        {row.name,
         row.status,
         row.found + (row.advice.empty() ? "" : "\n      -> " + row.advice)});
  }
  std::cout << columns_text(
      cells, [&](size_t row, size_t column, const std::string& text) {
        if (column != 1) {
          return text;
        }
        const std::string& status = report.rows[row].status;
        return status == "ok"     ? style.green(text)
            : status == "missing" ? style.yellow(text)
                                  : style.red(text);
      });
  if (report.device.empty()) {
    std::cout << "\nno run: " << report.reason << "\n";
  } else {
    std::cout << "\na run computes on " << report.device << ": "
              << report.reason << "\n";
  }
}

nlohmann::ordered_json to_ordered_json(const DoctorReport& report) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const DoctorRow& row : report.rows) {
    rows.push_back(
        {{"name", row.name},
         {"status", row.status},
         {"found", row.found},
         {"advice", row.advice}});
  }
  nlohmann::ordered_json json = {
      {"octet", OCTET_VERSION}, {"fine", !report.broken()}, {"rows", rows}};
  json["device"] =
      report.device.empty() ? nlohmann::json(nullptr) : to_json(report.chosen);
  json["reason"] = report.reason;
  return json;
}

} // namespace

ExitCode run_doctor(const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "--child") {
    return run_doctor_child({arguments.begin() + 1, arguments.end()});
  }
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const auto device = line.get<std::string>("device");
  line.expect(
      device_name_problem(device).empty(),
      "--device",
      "auto, cpu, cuda or cuda:1",
      device);
  const DoctorReport report =
      examine_machine(device, line.get<std::string>("cuda-libraries"), line);
  if (line.has("json")) {
    std::cout << to_ordered_json(report).dump(
                     2, ' ', false, nlohmann::json::error_handler_t::replace)
              << "\n";
  } else {
    print(report);
  }
  return report.broken() ? ExitCode::resolution : ExitCode::success;
}

} // namespace octet
