// Axes, ticks, lines and a legend; the colours go round.
#include "core/report/line_plot.h"

#include "core/report/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <spdlog/fmt/fmt.h>

namespace octet {
namespace {

constexpr double kWidth = 760, kHeight = 240;
constexpr double kLeft = 64, kRight = 20, kTop = 48, kBottom = 32;
constexpr const char* kColors[] =
    {"#2156b5", "#c2410c", "#067647", "#7a3db8", "#98a2b3", "#b42318"};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Some room, and a size where all values are one.
  void widen(double part) {
    if (!(high >= low)) {
      low = 0;
      high = 1;
    }
    const double room =
        high > low ? part * (high - low) : std::max(0.5, 0.1 * std::abs(high));
    low -= room;
    high += room;
  }
};

std::string
text_at(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
      x,
      y,
      anchor,
      escape_markup(text));
}

} // namespace

std::string line_plot(
    const std::vector<PlotLine>& lines,
    const std::string& title,
    const std::string& unit) {
  Range steps, values;
  for (const PlotLine& line : lines) {
    for (const auto& [step, value] : line.points) {
      if (std::isfinite(value)) {
        steps.take(step);
        values.take(value);
      }
    }
  }
  steps.widen(0);
  values.widen(0.06);
  const double floor = kHeight - kBottom;
  const auto x = [&](double step) {
    return kLeft +
        (step - steps.low) / (steps.high - steps.low) *
        (kWidth - kLeft - kRight);
  };
  const auto y = [&](double value) {
    return floor -
        (value - values.low) / (values.high - values.low) * (floor - kTop);
  };
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
      "width=\"{0}\" height=\"{1}\" role=\"img\" aria-label=\"{2}\" "
      "font-family=\"system-ui, sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n"
      "<g font-size=\"14\" font-weight=\"600\" fill=\"#101828\">\n{3}</g>\n",
      kWidth,
      kHeight,
      escape_markup(title),
      text_at(kLeft, 18, "start", title));
  out += "<g fill=\"#475467\">\n";
  for (const double tick : axis_ticks(values.low, values.high, 4)) {
    out += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" "
        "stroke=\"#e4e7ec\"/>\n",
        kLeft,
        y(tick),
        kWidth - kRight,
        y(tick));
    out += text_at(kLeft - 8, y(tick) + 4, "end", fmt::format("{:.4g}", tick));
  }
  for (const double tick : axis_ticks(steps.low, steps.high, 8)) {
    out += text_at(x(tick), floor + 18, "middle", fmt::format("{:.6g}", tick));
  }
  out += text_at(kLeft - 8, kTop - 10, "end", unit);
  out += text_at(kWidth - kRight, floor + 30, "end", "step");
  out += "</g>\n";
  double legend = kLeft + 12;
  for (size_t i = 0; i < lines.size(); ++i) {
    const char* color = kColors[i % std::size(kColors)];
    std::string points, dots;
    for (const auto& [step, value] : lines[i].points) {
      if (std::isfinite(value)) {
        points += fmt::format("{:.1f},{:.1f} ", x(step), y(value));
        dots = fmt::format(
            "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n",
            x(step),
            y(value),
            color);
      }
    }
    out += fmt::format(
        "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" "
        "points=\"{}\"/>\n{}",
        color,
        points,
        dots);
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"30\" width=\"18\" height=\"3\" fill=\"{}\"/>\n"
        "<g fill=\"#475467\">{}</g>\n",
        legend,
        color,
        text_at(legend + 24, 35, "start", lines[i].name));
    legend += 40 + 7.0 * static_cast<double>(lines[i].name.size());
  }
  return out + "</svg>\n";
}

} // namespace octet
