// A small SVG picture of a few lines over the optimizer step.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace octet {

struct PlotLine {
  std::string name;
  /// Step and value, in the order of the steps; values that are not finite
  /// are left out.
  std::vector<std::pair<double, double>> points;
};

/// @param unit stands above the axis: "dB", "%"
/// @returns an <svg> element, also without any point
std::string line_plot(
    const std::vector<PlotLine>& lines,
    const std::string& title,
    const std::string& unit);

} // namespace octet
