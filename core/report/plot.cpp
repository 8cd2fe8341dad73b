// Axes, lines and points of the loss plot.
#include "core/report/plot.h"

#include <algorithm>
#include <cmath>

#include <spdlog/fmt/fmt.h>

namespace octet {
namespace {

constexpr double kWidth = 760, kHeight = 380;
constexpr double kLeft = 64, kRight = 20, kTop = 44, kBottom = 48;
constexpr size_t kMaxPoints = 1200;
constexpr char kPale[] = "#b9cdf0", kStrong[] = "#2156b5", kEval[] = "#c2410c";

struct Point {
  double x = 0, y = 0;
};

/// Means of neighbours, so that long runs stay small files.
std::vector<Point> thinned(const std::vector<Point>& points) {
  const size_t stride = (points.size() + kMaxPoints - 1) / kMaxPoints;
  if (stride <= 1) {
    return points;
  }
  std::vector<Point> result;
  for (size_t start = 0; start < points.size(); start += stride) {
    const size_t end = std::min(points.size(), start + stride);
    Point mean;
    for (size_t i = start; i < end; ++i) {
      mean.x += points[i].x / static_cast<double>(end - start);
      mean.y += points[i].y / static_cast<double>(end - start);
    }
    result.push_back(mean);
  }
  return result;
}

struct Frame {
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;

  double x(double value) const {
    const double part = (value - x_low) / (x_high - x_low);
    return kLeft + part * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    const double part = (value - y_low) / (y_high - y_low);
    return kHeight - kBottom - part * (kHeight - kTop - kBottom);
  }
};

Frame frame_of(
    const std::vector<Point>& train,
    const std::vector<Point>& eval) {
  Frame frame;
  std::vector<Point> all = train;
  all.insert(all.end(), eval.begin(), eval.end());
  if (all.empty()) {
    return frame;
  }
  frame = {all[0].x, all[0].x, all[0].y, all[0].y};
  for (const Point& point : all) {
    frame.x_low = std::min(frame.x_low, point.x);
    frame.x_high = std::max(frame.x_high, point.x);
    frame.y_low = std::min(frame.y_low, point.y);
    frame.y_high = std::max(frame.y_high, point.y);
  }
  if (frame.x_high - frame.x_low < 1) {
    frame.x_low -= 0.5;
    frame.x_high += 0.5;
  }
  const double scale = std::max(std::abs(frame.y_high), 1e-12);
  const double room =
      std::max(0.06 * (frame.y_high - frame.y_low), 1e-3 * scale);
  frame.y_low -= room;
  frame.y_high += room;
  return frame;
}

std::string tick_text(double value) {
  const double magnitude = std::abs(value);
  if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6)) {
    return fmt::format("{:.1e}", value);
  }
  return fmt::format("{:.6g}", value);
}

std::string
label(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
      x,
      y,
      anchor,
      escape_markup(text));
}

std::string axes(const Frame& frame) {
  std::string out = "<g stroke=\"#e4e7ec\">\n";
  const auto x_ticks = axis_ticks(frame.x_low, frame.x_high, 8);
  const auto y_ticks = axis_ticks(frame.y_low, frame.y_high, 6);
  const std::string line =
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n";
  for (const double tick : y_ticks) {
    const double y = frame.y(tick);
    out += fmt::format(fmt::runtime(line), kLeft, y, kWidth - kRight, y);
  }
  out += "</g>\n<g stroke=\"#98a2b3\">\n";
  const double floor = kHeight - kBottom;
  out += fmt::format(fmt::runtime(line), kLeft, floor, kWidth - kRight, floor);
  out += fmt::format(fmt::runtime(line), kLeft, kTop, kLeft, floor);
  for (const double tick : x_ticks) {
    const double x = frame.x(tick);
    out += fmt::format(fmt::runtime(line), x, floor, x, floor + 4);
  }
  out += "</g>\n<g fill=\"#475467\">\n";
  for (const double tick : x_ticks) {
    out += label(frame.x(tick), floor + 18, "middle", tick_text(tick));
  }
  for (const double tick : y_ticks) {
    out += label(kLeft - 8, frame.y(tick) + 4, "end", tick_text(tick));
  }
  const double middle = (kLeft + kWidth - kRight) / 2;
  out += label(middle, kHeight - 10, "middle", "step");
  out += label(kLeft - 8, kTop - 10, "end", "loss");
  return out + "</g>\n";
}

std::string polyline(
    const Frame& frame,
    const std::vector<Point>& points,
    const char* color,
    double width) {
  std::string out = fmt::format(
      "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" "
      "stroke-linejoin=\"round\" points=\"",
      color,
      width);
  for (const Point& point : points) {
    out += fmt::format("{:.1f},{:.1f} ", frame.x(point.x), frame.y(point.y));
  }
  return out + "\"/>\n";
}

std::string legend(bool with_eval) {
  std::string out;
  double x = kLeft + 12;
  const auto entry = [&](const char* color, const char* text, double room) {
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"30\" width=\"18\" height=\"3\" fill=\"{}\"/>\n",
        x,
        color);
    out += label(x + 24, 35, "start", text);
    x += room;
  };
  entry(kPale, "each step", 100);
  entry(kStrong, "smoothed", 100);
  if (with_eval) {
    entry(kEval, "evaluation", 100);
  }
  return out;
}

} // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // Control characters are not allowed in XML, escaped or not.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t'
            ? '?'
            : c;
    }
  }
  return out;
}

std::vector<double> axis_ticks(double low, double high, int count) {
  if (!(high > low) || count < 1) {
    return {low};
  }
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * 0.999) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  for (auto i = static_cast<int64_t>(std::ceil(low / step - 1e-9));
       static_cast<double>(i) * step <= high + 1e-9 * step;
       ++i) {
    ticks.push_back(static_cast<double>(i) * step);
  }
  return ticks;
}

std::vector<double> smooth(const std::vector<double>& values, double keep) {
  std::vector<double> result;
  double sum = 0, weight = 0;
  for (const double value : values) {
    sum = keep * sum + value;
    weight = keep * weight + 1;
    result.push_back(sum / weight);
  }
  return result;
}

std::string loss_plot(const History& history, const std::string& title) {
  std::vector<Point> train, eval;
  for (const StepRecord& step : history.steps) {
    if (std::isfinite(step.loss)) {
      train.push_back({static_cast<double>(step.step), step.loss});
    }
  }
  for (const EvalRecord& record : history.evals) {
    if (std::isfinite(record.loss)) {
      eval.push_back({static_cast<double>(record.step), record.loss});
    }
  }
  train = thinned(train);
  std::vector<double> losses;
  for (const Point& point : train) {
    losses.push_back(point.y);
  }
  const double span = std::max(2.0, static_cast<double>(train.size()) / 25);
  const std::vector<double> means = smooth(losses, 1 - 1 / span);
  std::vector<Point> smoothed = train;
  for (size_t i = 0; i < smoothed.size(); ++i) {
    smoothed[i].y = means[i];
  }

  const Frame frame = frame_of(train, eval);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
      "width=\"{0}\" height=\"{1}\" role=\"img\" aria-label=\"loss plot\" "
      "font-family=\"system-ui, sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      kWidth,
      kHeight);
  out += "<g font-size=\"14\" font-weight=\"600\" fill=\"#101828\">\n" +
      label(kLeft, 18, "start", title) + "</g>\n";
  out += "<g fill=\"#475467\">\n" + legend(!eval.empty()) + "</g>\n";
  out += axes(frame);
  if (train.empty()) {
    out += label(kWidth / 2, kHeight / 2, "middle", "no finite loss yet");
  }
  out += polyline(frame, train, kPale, 1.2);
  out += polyline(frame, smoothed, kStrong, 2);
  if (eval.size() > 1) {
    out += polyline(frame, eval, kEval, 1);
  }
  for (const Point& point : eval) {
    out += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n",
        frame.x(point.x),
        frame.y(point.y),
        kEval);
  }
  return out + "</svg>\n";
}

} // namespace octet
