// report.html: one page without any outside file that tells what was asked,
// what ran, and what came out.
#pragma once

#include "core/report/events.h"
#include "core/report/watch_report.h"

#include <string>
#include <utility>
#include <vector>

namespace octet {

using Rows = std::vector<std::pair<std::string, std::string>>;

/// A question with the model's answer, from before and after the run.
struct AnsweredPrompt {
  std::string prompt, before, after;
};

struct RunReport {
  std::string name;
  /// "finished", "stopped by a signal", "stopped: loss is NaN", ...
  std::string outcome;
  bool success = true;
  /// Large figures at the top: {"final loss", "1.234"}, ...
  Rows highlights;
  /// The table of what was asked and what ran, as printed on the console.
  std::string resolution;
  std::vector<std::string> warnings;
  History history;
  /// What [watch] recorded, with the limits it warns at.
  std::vector<WatchedStep> watched;
  WatchLimits watch_limits;
  Rows results;
  std::vector<AnsweredPrompt> answers;
  /// The first training example, decoded, with its labels.
  std::string first_example;
  Rows environment;
  /// Every effective key of run.toml.
  Rows config;
  /// File or folder of the run directory -> what it is.
  Rows files;
  /// Shell command to go on with.
  std::string next_command;
};

/// The whole page. Every text of `report` is escaped.
std::string render_report(const RunReport& report);

} // namespace octet
