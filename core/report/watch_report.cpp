// Plots and the table of casts.
#include "core/report/watch_report.h"

#include "core/report/line_plot.h"
#include "core/report/plot.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>

#include <spdlog/fmt/fmt.h>

namespace octet {
namespace {

using nlohmann::json;

// Of the table, unless more of them were past a limit.
constexpr size_t kMostRows = 40;

double number(const json& value) {
  if (value.is_string()) {
    return std::strtod(value.get_ref<const std::string&>().c_str(), nullptr);
  }
  return value.is_number() ? value.get<double>()
                           : std::numeric_limits<double>::quiet_NaN();
}

bool passes(const CastRecord& cast, const WatchLimits& limits) {
  return cast.overflow > limits.overflow || cast.underflow > limits.underflow;
}

double median(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Of each kind of tensor the median and the lowest SQNR.
std::vector<PlotLine> sqnr_lines(const std::vector<WatchedStep>& history) {
  std::map<std::string, PlotLine> medians, lowest;
  for (const WatchedStep& watched : history) {
    std::map<std::string, std::vector<double>> values;
    for (const CastRecord& cast : watched.casts) {
      if (std::isfinite(cast.sqnr_db)) {
        values[cast.tensor].push_back(cast.sqnr_db);
      }
    }
    const auto step = static_cast<double>(watched.step);
    for (const auto& [tensor, of_sites] : values) {
      medians[tensor].points.emplace_back(step, median(of_sites));
      lowest[tensor].points.emplace_back(
          step, *std::min_element(of_sites.begin(), of_sites.end()));
    }
  }
  std::vector<PlotLine> lines;
  for (auto& [tensor, line] : medians) {
    line.name = tensor + ", median";
    lines.push_back(line);
    lowest[tensor].name = tensor + ", lowest";
    lines.push_back(lowest[tensor]);
  }
  return lines;
}

/// The largest part of any tensor that was clamped or became zero.
std::vector<PlotLine> loss_lines(const std::vector<WatchedStep>& history) {
  PlotLine overflow{"overflow, largest", {}},
      underflow{"underflow, largest", {}};
  for (const WatchedStep& watched : history) {
    double over = 0, under = 0;
    for (const CastRecord& cast : watched.casts) {
      over = std::max(over, cast.overflow);
      under = std::max(under, cast.underflow);
    }
    const auto step = static_cast<double>(watched.step);
    overflow.points.emplace_back(step, 100 * over);
    underflow.points.emplace_back(step, 100 * under);
  }
  return {overflow, underflow};
}

std::string cell(const std::string& text) {
  return "<td>" + escape_markup(text) + "</td>";
}

std::string
cast_row(const CastRecord& cast, int64_t times, const WatchLimits& limits) {
  const auto part = [](double value, bool passed) {
    const std::string text = fmt::format("{:.3g}%", 100 * value);
    return passed ? "<td><b>" + escape_markup(text) + "</b></td>" : cell(text);
  };
  return "<tr>" + cell(cast.site) + cell(cast.tensor) +
      cell(fmt::format("{:.1f}", cast.sqnr_db)) +
      cell(fmt::format("{:.3g}", cast.amax)) +
      cell(fmt::format("{:.3g}", cast.scale)) +
      part(cast.underflow, cast.underflow > limits.underflow) +
      part(cast.overflow, cast.overflow > limits.overflow) +
      cell(std::to_string(times)) + "</tr>\n";
}

/// The casts of the last watched step: those past a limit, then those that were
/// at an earlier step, then the others by rising SQNR. Only the others may be
/// left out, since warnings send the reader here for the rest.
std::string cast_table(
    const std::vector<WatchedStep>& history,
    const WatchLimits& limits) {
  std::map<std::pair<std::string, std::string>, int64_t> times;
  for (const WatchedStep& watched : history) {
    for (const CastRecord& cast : watched.casts) {
      times[{cast.site, cast.tensor}] += passes(cast, limits) ? 1 : 0;
    }
  }
  const auto times_of = [&](const CastRecord& cast) {
    return times.at({cast.site, cast.tensor});
  };
  std::vector<CastRecord> casts = history.back().casts;
  const auto quality = [](const CastRecord& cast) {
    return std::isnan(cast.sqnr_db) ? -std::numeric_limits<double>::infinity()
                                    : cast.sqnr_db;
  };
  const auto rank = [&](const CastRecord& cast) {
    return passes(cast, limits) ? 0 : times_of(cast) > 0 ? 1 : 2;
  };
  std::stable_sort(
      casts.begin(), casts.end(), [&](const auto& a, const auto& b) {
        const int first = rank(a), second = rank(b);
        return first != second ? first < second : quality(a) < quality(b);
      });
  std::string out =
      "<table class=\"wide\">\n<tr><th>layer</th><th>tensor</th>"
      "<th>SQNR, dB</th><th>amax</th><th>scale</th><th>underflow</th>"
      "<th>overflow</th><th>past a limit</th></tr>\n";
  const auto past = static_cast<size_t>(
      std::count_if(casts.begin(), casts.end(), [&](const CastRecord& cast) {
        return times_of(cast) > 0;
      }));
  const size_t shown = std::min(casts.size(), std::max(past, kMostRows));
  for (size_t i = 0; i < shown; ++i) {
    out += cast_row(casts[i], times_of(casts[i]), limits);
  }
  out += "</table>\n";
  if (casts.size() > shown) {
    out += fmt::format(
        "<p class=\"soft\">and {} more, never past a limit, in "
        "events.jsonl</p>\n",
        casts.size() - shown);
  }
  return out;
}

} // namespace

json watch_fields(const WatchedStep& watched) {
  json casts = json::array();
  for (const CastRecord& cast : watched.casts) {
    casts.push_back(
        {{"site", cast.site},
         {"tensor", cast.tensor},
         {"amax", cast.amax},
         {"scale", cast.scale},
         {"underflow", cast.underflow},
         {"overflow", cast.overflow},
         {"sqnr_db", cast.sqnr_db}});
  }
  return {{"step", watched.step}, {"casts", casts}};
}

std::vector<WatchedStep> read_watch_history(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::map<int64_t, WatchedStep> steps;
  std::string line;
  while (std::getline(file, line)) {
    const json event = json::parse(line, nullptr, false);
    if (!event.is_object() || !event.contains("event")) {
      continue;
    }
    if (event["event"] == "start") {
      const int64_t from = event.value("resumed_step", int64_t{0});
      steps.erase(steps.upper_bound(from), steps.end());
    }
    if (event["event"] != "watch" || !event.contains("casts")) {
      continue;
    }
    WatchedStep watched;
    watched.step = event.value("step", int64_t{0});
    for (const json& cast : event["casts"]) {
      watched.casts.push_back(
          {cast.value("site", ""),
           cast.value("tensor", ""),
           number(cast.value("amax", json())),
           number(cast.value("scale", json())),
           number(cast.value("underflow", json())),
           number(cast.value("overflow", json())),
           number(cast.value("sqnr_db", json()))});
    }
    steps[watched.step] = std::move(watched);
  }
  std::vector<WatchedStep> history;
  for (auto& [step, watched] : steps) {
    history.push_back(std::move(watched));
  }
  return history;
}

std::string watch_report(
    const std::vector<WatchedStep>& history,
    const WatchLimits& limits) {
  if (history.empty()) {
    return "";
  }
  std::set<std::string> sites;
  for (const CastRecord& cast : history.back().casts) {
    sites.insert(cast.site);
  }
  return fmt::format(
             "<p>{} layers at {} watched steps; the table is of step {}. "
             "Limits: overflow {:.3g}%, underflow {:.3g}%.</p>\n",
             sites.size(),
             history.size(),
             history.back().step,
             100 * limits.overflow,
             100 * limits.underflow) +
      line_plot(sqnr_lines(history), "Signal to quantization noise", "dB") +
      line_plot(loss_lines(history), "Elements lost in casts", "%") +
      cast_table(history, limits);
}

} // namespace octet
