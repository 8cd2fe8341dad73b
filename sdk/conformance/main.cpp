// octet_conformance FILE...: does a plugin keep what the SDK's headers promise
// on its behalf?
//
// Exit status: 0 all checks passed, 1 a check failed, 2 the command line is
// wrong, 3 nothing failed, but a plugin cannot be used on this machine, so most
// of its checks were skipped.
#include "core/base/problems.h"
#include "core/base/terminal.h"
#include "core/cuda/run_device.h"
#include "core/train/device.h"
#include "sdk/conformance/child.h"
#include "sdk/conformance/numbers.h"
#include "sdk/conformance/print.h"
#include "sdk/conformance/subject.h"
#include "sdk/conformance/supervise.h"

#include <fmt/format.h>
#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace octet::conformance {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

constexpr int64_t kDay = 86400;

[[noreturn]] void refuse(const std::string& text) {
  throw Failure(
      ExitCode::usage,
      "conformance",
      text + "; see `octet_conformance --help`");
}

po::options_description describe_options() {
  po::options_description options("Options", 80, 40);
  options.add_options()("help,h", "show this");
  options.add_options()("list", "name the checks and what each makes sure of");
  options.add_options()("json", "print the results as JSON");
  options.add_options()(
      "set",
      po::value<std::vector<std::string>>()->composing()->value_name(
          "OPTION=VALUE"),
      "an option of the plugin that is not to have its default; may stand "
      "several times");
  options.add_options()(
      "tolerance",
      po::value<double>()->default_value(0, "")->value_name("X"),
      "largest relative error (L2) of products and gradients; unless given, "
      "by the manifest's compute dtype: fp32 1e-5, fp16 2e-3, bf16 1e-2");
  options.add_options()(
      "device",
      po::value<std::string>()->default_value("cpu")->value_name("D"),
      "where products are computed: cpu, cuda, cuda:1");
  options.add_options()(
      "cuda-libraries",
      po::value<std::string>()->default_value("", "")->value_name("DIR"),
      "as run.cuda_libraries");
  options.add_options()(
      "timeout",
      po::value<int64_t>()->default_value(300)->value_name("SECONDS"),
      "a file whose checks take longer fails the one it is in; starting this "
      "program does not count");
  return options;
}

const char* const kAbout =
    "Usage: octet_conformance [options] FILE...\n\n"
    "Checks plugin files as a run would use them: manifest, probe, create, "
    "options,\nthen products, gradients and state of a precision backend, or "
    "what a feature\ndoes to a small decoder. Each file is loaded in a process "
    "of its own. A backend\nthat rounds its operands to fewer bits needs "
    "--tolerance.\n\n";

const char* const kAfter =
    "\nExit status: 0 all passed, 1 a check failed, 2 wrong command line, "
    "3 nothing\nfailed, but a plugin cannot be used on this machine.\n"
    "\nExamples:\n  octet_conformance build/my_fp8.so\n"
    "  octet_conformance build/my_fp8.so --set recipe=rowwise --tolerance "
    "0.08\n";

std::map<std::string, std::string> parse_settings(
    const std::vector<std::string>& texts) {
  std::map<std::string, std::string> settings;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      refuse("expected --set OPTION=VALUE, found \"" + text + "\"");
    }
    settings[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return settings;
}

po::variables_map parse(const std::vector<std::string>& arguments) {
  po::options_description all;
  po::options_description hidden;
  hidden.add_options()("file", po::value<std::vector<std::string>>());
  hidden.add_options()("report-to-descriptor", "the child's part");
  all.add(describe_options()).add(hidden);
  po::positional_options_description positional;
  positional.add("file", -1);
  po::variables_map values;
  try {
    po::store(
        po::command_line_parser(arguments)
            .options(all)
            .positional(positional)
            .style(
                po::command_line_style::unix_style &
                ~po::command_line_style::allow_guessing)
            .run(),
        values);
    po::notify(values);
  } catch (const po::error& error) {
    refuse(error.what());
  }
  return values;
}

std::vector<std::string> texts_of(
    const po::variables_map& values,
    const char* name) {
  return values.count(name) > 0 ? values[name].as<std::vector<std::string>>()
                                : std::vector<std::string>{};
}

std::vector<fs::path> files_of(const po::variables_map& values) {
  std::vector<fs::path> files;
  Problems problems;
  for (const std::string& name : texts_of(values, "file")) {
    std::error_code error;
    files.push_back(fs::canonical(name, error));
    if (error || !fs::is_regular_file(files.back())) {
      problems.add("expected a plugin's file, found none: " + name);
    }
  }
  problems.raise(ExitCode::usage, "conformance", "the files are wrong");
  if (files.empty()) {
    refuse("expected the file of a plugin, found none");
  }
  return files;
}

double tolerance_of(const po::variables_map& values) {
  const auto tolerance = values["tolerance"].as<double>();
  if (!(tolerance >= 0 && tolerance < 1)) {
    refuse(fmt::format(
        "expected a --tolerance of at least 0 and less than 1, found {}",
        tolerance));
  }
  return tolerance;
}

int timeout_of(const po::variables_map& values) {
  const auto seconds = values["timeout"].as<int64_t>();
  if (seconds < 1 || seconds > kDay) {
    refuse(fmt::format(
        "expected a --timeout of 1 to {} seconds, found {}", kDay, seconds));
  }
  return static_cast<int>(seconds);
}

RunDevice device_of(const po::variables_map& values) {
  const auto name = values["device"].as<std::string>();
  if (const std::string problem = device_name_problem(name); !problem.empty()) {
    refuse("--device: " + problem + ", found \"" + name + "\"");
  }
  return choose_device(
      name,
      "--device",
      cuda_driver(),
      find_cuda_libraries(values["cuda-libraries"].as<std::string>(), ""));
}

/// The child: all checks of one file.
int run_child(const fs::path& file, const po::variables_map& values) {
  become_child();
  Recorder recorder(kReport);
  RunDevice device = device_of(values);
  use_host_device(device.cuda ? device.facts.index : -1);
  tested_device = open_device(device);
  Settings settings;
  settings.file = file;
  settings.options = parse_settings(texts_of(values, "set"));
  settings.tolerance = values["tolerance"].as<double>();
  recorder.end(examine(settings, recorder));
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  const po::variables_map values = parse(arguments);
  if (values.count("help") > 0) {
    std::cout << kAbout << describe_options() << kAfter;
    return 0;
  }
  if (values.count("list") > 0) {
    list_checks();
    return 0;
  }
  const std::vector<fs::path> files = files_of(values);
  if (values.count("report-to-descriptor") > 0) {
    return run_child(files.front(), values);
  }
  const std::vector<std::string> settings = texts_of(values, "set");
  parse_settings(settings);
  const double tolerance = tolerance_of(values);
  const int timeout = timeout_of(values);
  const RunDevice device = device_of(values);
  bool failed = false, usable = true;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const fs::path& file : files) {
    std::vector<std::string> child = {
        file.string(),
        "--tolerance",
        fmt::format("{}", tolerance),
        "--device",
        device.name(),
        "--cuda-libraries",
        device.libraries.string()};
    for (const std::string& setting : settings) {
      child.insert(child.end(), {"--set", setting});
    }
    const Outcome outcome = supervise(file, child, timeout);
    failed = failed || outcome.failed();
    usable = usable && outcome.usable;
    if (values.count("json") > 0) {
      all.push_back(to_json(file, outcome));
    } else {
      print_table(file, outcome);
    }
  }
  if (values.count("json") > 0) {
    std::cout << all.dump(
                     2, ' ', false, nlohmann::json::error_handler_t::replace)
              << "\n";
  }
  return failed ? 1 : usable ? 0 : 3;
}

} // namespace
} // namespace octet::conformance

int main(int count, char** values) {
  octet::occupy_standard_streams();
  try {
    return octet::conformance::run({values + 1, values + count});
  } catch (const octet::Failure& failure) {
    std::cerr << failure.what() << "\n";
    return failure.code() == octet::ExitCode::usage ? 2 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
