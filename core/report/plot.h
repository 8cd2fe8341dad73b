// The loss curve as an SVG picture that stands alone or inside a page.
#pragma once

#include "core/report/events.h"

#include <string>
#include <vector>

namespace octet {

/// Round numbers that divide [low, high] into about `count` parts, all within
/// the interval: steps of 1, 2 or 5 times a power of ten.
std::vector<double> axis_ticks(double low, double high, int count);

/// Exponential moving average without the pull of its start towards zero:
/// weights decay by `keep` a point and are normalized.
std::vector<double> smooth(const std::vector<double>& values, double keep);

/// Training loss (each step pale, smoothed strong) and evaluation losses as
/// points, over the optimizer step. Records that are not finite are left out.
std::string loss_plot(const History& history, const std::string& title);

/// Text as it may stand in HTML and SVG, in attributes too.
std::string escape_markup(std::string_view text);

} // namespace octet
