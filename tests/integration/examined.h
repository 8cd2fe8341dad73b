// octet_conformance as a program, and what it found in one file.
#pragma once

#include "tests/integration/process.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

namespace octet {

inline ProcessResult run_conformance(const std::string& arguments) {
  return run_shell(
      "\"$(dirname \"$TRAINER\")/octet_conformance\" " + arguments);
}

struct Examined {
  int status = -1;
  std::vector<std::string> failed, passed;
  std::map<std::string, std::string> reasons;
};

inline Examined examine(const std::string& arguments) {
  const ProcessResult result = run_conformance("--json " + arguments);
  Examined examined;
  examined.status = result.status;
  const auto all = nlohmann::json::parse(result.out, nullptr, false);
  if (!all.is_array()) {
    ADD_FAILURE() << result.out << result.err;
    return examined;
  }
  for (const auto& row : all.at(0).at("checks")) {
    const std::string check = row.at("check");
    const std::string verdict = row.at("verdict");
    examined.reasons[check] = row.at("reason");
    if (verdict != "skipped") {
      (verdict == "passed" ? examined.passed : examined.failed)
          .push_back(check);
    }
  }
  return examined;
}

} // namespace octet
