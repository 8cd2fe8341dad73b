// trainer plugins doctor: the four gates of a plugin, each with its verdict.
// Code of a plugin runs in a child process only.
#include "core/plugin/loaded_plugin.h"
#include "core/resolve/needs.h"
#include "tools/trainer/plugin_actions.h"
#include "tools/trainer/plugin_gates.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <map>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins doctor",
      "[NAME | FILE] [--json] [--timeout S]",
      "Takes a plugin through the gates of a run: inspect (its file alone), "
      "load, probe and\ncreate (with the defaults of its options), the last "
      "three in a child process. A crash,\na hang, an exception and an exit "
      "are told as what they are. Without a name: every\nplugin found. The "
      "exit status is 0 when all of them are fine; one that works, but not\non "
      "this machine (no GPU), counts only when it was named.",
      {{"trainer plugins doctor", "all that is found"},
       {"trainer plugins doctor lora --json", "one, for a script"},
       {"trainer plugins doctor build/my_fp8.so", "a file, wherever it is"}});
  line.options().add_options()("json", "an array of objects")(
      "timeout",
      po::value<int64_t>()->default_value(10)->value_name("S"),
      "seconds that each gate may take");
  add_discovery_options(line.options());
  line.positional("plugin", 1);
  return line;
}

/// In the order of what is worse.
enum class Health { fine, not_usable, failed };

const char* health_name(Health health) {
  return health == Health::fine      ? "fine"
      : health == Health::not_usable ? "not usable"
                                     : "failed";
}

struct Diagnosis {
  CatalogEntry entry;
  std::vector<GateResult> gates;

  Health health() const {
    // A shadowed file is not used, so nothing is wrong with it.
    if (entry.status == PluginStatus::shadowed) {
      return Health::fine;
    }
    Health health = Health::fine;
    for (const GateResult& gate : gates) {
      if (gate.status == "failed") {
        return Health::failed;
      }
      if (gate.status == "not usable") {
        health = Health::not_usable;
      }
    }
    return health;
  }
};

void not_reached(std::vector<GateResult>& gates) {
  for (const char* gate : {"load", "probe", "create"}) {
    const bool known =
        std::any_of(gates.begin(), gates.end(), [&](const GateResult& result) {
          return result.gate == gate;
        });
    if (!known) {
      gates.push_back({gate, "not reached", ""});
    }
  }
}

std::vector<GateResult> walk_gates(
    const CatalogEntry& entry,
    std::chrono::seconds limit) {
  std::vector<GateResult> gates;
  const bool ready = entry.status == PluginStatus::ready;
  gates.push_back(
      {"inspect",
       ready                                        ? "ok"
           : entry.status == PluginStatus::shadowed ? "shadowed"
                                                    : "failed",
       entry.reason});
  const std::string unmet =
      ready ? unmet_needs(entry.manifest.needs, host_facts()) : "";
  if (!unmet.empty()) {
    // As in a run: a plugin whose needs are not met is not loaded.
    gates.push_back({"load", "not usable", unmet});
  } else if (ready) {
    for (GateResult& result :
         GateChild(entry, {}, LastGate::create).wait({limit, limit})) {
      gates.push_back(std::move(result));
    }
  }
  not_reached(gates);
  return gates;
}

void print(const Diagnosis& diagnosis) {
  const Manifest& manifest = diagnosis.entry.manifest;
  std::cout << manifest.name
            << (manifest.version.empty() ? "" : " " + manifest.version) << " ("
            << diagnosis.entry.path.string() << ")\n";
  for (const GateResult& result : diagnosis.gates) {
    std::string name = "  " + result.gate;
    name.resize(11, ' ');
    std::cout << name << result.status;
    const bool several = result.reason.find('\n') != std::string::npos;
    if (several) {
      std::cout << ":\n" << indented(result.reason, std::string(13, ' '));
    } else {
      std::cout << (result.reason.empty() ? "" : ": ") << result.reason << "\n";
    }
  }
  std::cout << std::flush;
}

nlohmann::ordered_json to_json(const Diagnosis& diagnosis) {
  const Manifest& manifest = diagnosis.entry.manifest;
  nlohmann::ordered_json gates = nlohmann::ordered_json::array();
  for (const GateResult& result : diagnosis.gates) {
    gates.push_back(
        {{"gate", result.gate},
         {"status", result.status},
         {"reason", result.reason}});
  }
  return {
      {"name", manifest.name},
      {"kind", manifest.version.empty() ? "" : to_string(manifest.kind)},
      {"version", manifest.version},
      {"path", diagnosis.entry.path.string()},
      {"health", health_name(diagnosis.health())},
      {"fine", diagnosis.health() == Health::fine},
      {"gates", gates}};
}

std::string summary(std::map<Health, size_t>& count, size_t all) {
  std::string text = std::to_string(count[Health::fine]) + " of " +
      std::to_string(all) + (all == 1 ? " plugin" : " plugins") + " fine";
  if (count[Health::not_usable] > 0) {
    text += ", " + std::to_string(count[Health::not_usable]) +
        " not usable on this machine";
  }
  return text + "\n";
}

bool is_file_name(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".so");
}

std::vector<CatalogEntry> asked_plugins(
    const std::string& asked,
    const CommandLine& line) {
  if (is_file_name(asked)) {
    return {inspect_file(asked, "command line")};
  }
  Catalog catalog = discover(line);
  if (asked.empty()) {
    return std::move(catalog.entries);
  }
  return {find_plugin(catalog, asked)};
}

} // namespace

ExitCode examine_plugins(const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "--child") {
    return run_gate_child({arguments.begin() + 1, arguments.end()});
  }
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const auto seconds = line.get<int64_t>("timeout");
  constexpr int64_t kDay = 86400;
  line.expect(
      seconds >= 1 && seconds <= kDay,
      "--timeout",
      "1 to 86400",
      std::to_string(seconds));
  const std::vector<std::string> words = line.all("plugin");
  const bool json = line.has("json");
  nlohmann::ordered_json reports = nlohmann::ordered_json::array();
  std::map<Health, size_t> count;
  size_t all = 0;
  for (CatalogEntry& entry :
       asked_plugins(words.empty() ? "" : words.front(), line)) {
    Diagnosis diagnosis{std::move(entry), {}};
    diagnosis.gates =
        walk_gates(diagnosis.entry, std::chrono::seconds(seconds));
    ++all;
    ++count[diagnosis.health()];
    if (json) {
      reports.push_back(to_json(diagnosis));
    } else {
      print(diagnosis);
    }
  }
  if (json) {
    std::cout << reports.dump(
                     2, ' ', false, nlohmann::json::error_handler_t::replace)
              << "\n";
  } else {
    std::cout << summary(count, all);
  }
  // Without a GPU, Octet's own FP8 backends cannot be used, and that is well.
  const bool well = count[Health::failed] == 0 &&
      (words.empty() || count[Health::not_usable] == 0);
  return well ? ExitCode::success : ExitCode::resolution;
}

} // namespace octet
