// What plugins declare about each other: verdicts on combinations, and order.
// Either side's word suffices, and the strictest verdict wins.
#pragma once

#include "core/base/problems.h"
#include "core/resolve/selection.h"

#include <string>
#include <vector>

namespace octet {

/// How a run names a plugin: "features.lora" or precision.backend = "te", with
/// the capabilities it provides.
std::string label(const Manifest& manifest);

/// The verdict on one combination of selected plugins.
struct Finding {
  RelationVerdict verdict = RelationVerdict::ok;
  /// Names of everyone involved, sorted.
  std::vector<std::string> plugins;
  /// One sentence with the reasons and the way out.
  std::string text;
};

/// Every combination of `selected` that somebody warns of or rejects, each
/// once, in the order of the names.
/// @param stage the training stage, for conditions
std::vector<Finding> related_findings(
    const std::vector<SelectedPlugin>& selected,
    const std::string& stage);

/// Sorts features by what must be applied first (`after`), then by name.
/// @param precision as a partner of relations; null while it is not known
/// @param problems gets the names of every circle
std::vector<SelectedPlugin> in_order(
    std::vector<SelectedPlugin> features,
    const SelectedPlugin* precision,
    const std::string& stage,
    Problems& problems);

} // namespace octet
