// See the header.
#include "sdk/conformance/print.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>

namespace octet::conformance {

namespace fs = std::filesystem;

void list_checks() {
  for (const CheckInfo& info : all_checks()) {
    std::cout << fmt::format(
        "{:<14}{:<14}{}\n", info.name, info.of, info.about);
  }
}

void print_table(const fs::path& file, const Outcome& outcome) {
  std::cout << file.string() << "\n";
  for (const Row& row : outcome.rows) {
    std::cout << fmt::format(
        "  {:<14}{:<9}{}\n", row.check, to_string(row.verdict), row.reason);
  }
  std::cout << std::flush;
}

nlohmann::ordered_json to_json(const fs::path& file, const Outcome& outcome) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Row& row : outcome.rows) {
    checks.push_back(
        {{"check", row.check},
         {"verdict", to_string(row.verdict)},
         {"reason", row.reason}});
  }
  return {
      {"file", file.string()},
      {"passed", !outcome.failed()},
      {"usable", outcome.usable},
      {"checks", checks}};
}

} // namespace octet::conformance
