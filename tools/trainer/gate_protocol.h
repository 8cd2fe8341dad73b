// What a process that walks a plugin's gates writes to its parent: a JSON
// object a line on a descriptor of its own, so that a plugin may print.
#pragma once

#include "tools/trainer/plugin_gates.h"

#include <optional>
#include <string>

namespace octet {

constexpr int kReportDescriptor = 3;
/// The "gate" of the line that says that LibTorch is open: from then on the
/// time is the plugin's.
constexpr const char* kReady = "ready";

/// One line, with its end.
std::string report_line(const GateResult& result);
/// Nothing for a line that is no report.
std::optional<GateResult> parse_report(const std::string& line);

/// Options as a JSON object, for an argument of the child.
std::string options_text(const OptionTable& options);
/// @throws Failure(usage) for anything else than such an object
OptionTable parse_options(const std::string& text);

} // namespace octet
