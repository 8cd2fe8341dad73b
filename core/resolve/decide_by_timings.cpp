// Timings to verdicts: on shapes, then on sites.
#include "core/resolve/decide_by_timings.h"

#include "core/base/problems.h"
#include "core/resolve/relations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace octet {

namespace {

bool is_time(double milliseconds) {
  return std::isfinite(milliseconds) && milliseconds > 0;
}

std::string reason_of(
    const ShapeVerdict& verdict,
    double margin,
    const std::string& reference) {
  // Rounded down, so that a loss never reads like the margin it missed.
  const double shown = std::floor(verdict.ratio * 100) / 100;
  const std::string text =
      fmt::format("measured: {:.2f}x of {}", shown, reference);
  return verdict.wins || verdict.ratio < 1
      ? text
      : text + fmt::format(", below the margin of {:g}x", margin);
}

/// What a backend says of itself ("EMULATED ...") stays beside what was
/// measured.
std::string with_measured(const std::string& own, const std::string& measured) {
  return own.empty() ? measured : own + "; " + measured;
}

Candidate* row_of(Selection& selection, const std::string& name) {
  for (Candidate& row : selection.candidates) {
    if (row.name == name) {
      return &row;
    }
  }
  return nullptr;
}

bool accepts_a_linear(
    const std::vector<Site>& sites,
    const std::vector<SiteVerdict>& verdicts) {
  for (size_t i = 0; i < sites.size(); ++i) {
    if (sites[i].kind == SiteKind::linear && verdicts.at(i).accepted) {
      return true;
    }
  }
  return false;
}

/// "at all 4 shapes", "at 1 of 4 shapes"
std::string at_shapes(int64_t count, size_t all) {
  return static_cast<size_t>(count) == all
      ? fmt::format("at all {} shapes", all)
      : fmt::format("at {} of {} shapes", count, all);
}

/// Warnings about a backend that does not run any more.
void drop_notes_about(
    const SelectedPlugin& gone,
    const std::string& stage,
    Selection& selection) {
  std::vector<SelectedPlugin> together = selection.features;
  together.push_back(gone);
  const std::string& name = gone.entry->manifest.name;
  for (const Finding& finding : related_findings(together, stage)) {
    const bool involved =
        std::find(finding.plugins.begin(), finding.plugins.end(), name) !=
        finding.plugins.end();
    if (involved) {
      std::erase(selection.notes, finding.text);
    }
  }
}

/// The candidate wins nowhere: `auto` takes the reference backend.
void replace_candidate(
    Selection& selection,
    const std::string& stage,
    double best) {
  const SelectedPlugin lost = std::move(selection.precision);
  selection.precision = std::move(*selection.reference);
  selection.reference.reset();
  drop_notes_about(lost, stage, selection);
  const std::string& reference = selection.precision.entry->manifest.name;
  if (Candidate* row = row_of(selection, lost.entry->manifest.name)) {
    row->verdict = "measured slower";
    row->reason = fmt::format(
        "wins at no shape, at best {:.2f}x of {}",
        std::floor(best * 100) / 100,
        reference);
  }
  if (Candidate* row = row_of(selection, reference)) {
    row->verdict = "chosen";
    row->reason =
        "measured: " + lost.entry->manifest.name + " is not faster anywhere";
  }
}

} // namespace

SiteVerdicts& verdicts_of(
    std::vector<SiteVerdicts>& verdicts,
    const std::string& plugin) {
  for (SiteVerdicts& item : verdicts) {
    if (item.plugin == plugin) {
      return item;
    }
  }
  throw Error("resolve", "expected the verdicts of " + plugin + ", found none");
}

std::vector<ShapeVerdict> decide_by_timings(
    const GemmTimings& timings,
    double margin) {
  Problems problems;
  if (!(std::isfinite(margin) && margin >= 1)) {
    problems.add(fmt::format(
        "expected precision.measure_margin >= 1, found {}", margin));
  }
  std::vector<ShapeVerdict> verdicts;
  std::set<GemmShape> seen;
  for (const GemmTiming& timing : timings.shapes) {
    const auto check = [&](const std::string& plugin, double milliseconds) {
      if (!is_time(milliseconds)) {
        problems.add(fmt::format(
            "expected a time above 0 ms of {} for {}, found {}",
            plugin,
            gemm_text(timing.shape),
            milliseconds));
      }
    };
    check(timings.candidate, timing.candidate_ms);
    check(timings.reference, timing.reference_ms);
    if (!seen.insert(timing.shape).second) {
      problems.add(
          "expected every shape once, found " + gemm_text(timing.shape) +
          " twice");
    }
    ShapeVerdict verdict;
    verdict.timing = timing;
    verdict.ratio = timing.reference_ms / timing.candidate_ms;
    verdict.wins = verdict.ratio >= margin;
    verdict.reason = reason_of(verdict, margin, timings.reference);
    verdicts.push_back(std::move(verdict));
  }
  problems.raise(
      ExitCode::resolution,
      "resolve",
      "these timings decide nothing; measure again");
  return verdicts;
}

std::map<std::string, GemmShape> measured_shapes(
    const std::vector<Site>& sites,
    const SiteVerdicts& candidate,
    const SiteVerdicts& reference,
    int64_t tokens,
    int64_t head_rows,
    bool trained) {
  std::map<std::string, GemmShape> shapes;
  for (size_t i = 0; i < sites.size(); ++i) {
    const Site& site = sites[i];
    if (site.kind == SiteKind::linear && candidate.verdicts.at(i).accepted &&
        reference.verdicts.at(i).accepted) {
      const int64_t rows =
          site.layer < 0 ? std::min(tokens, head_rows) : tokens;
      shapes[site.name] = {rows, site.out_features, site.in_features, trained};
    }
  }
  return shapes;
}

void settle_by_timings(
    const GemmTimings& timings,
    const TimingRules& rules,
    const std::vector<Site>& sites,
    const std::map<std::string, GemmShape>& shapes,
    Selection& selection,
    std::vector<SiteVerdicts>& verdicts) {
  Measurement measurement;
  measurement.timings = timings;
  measurement.margin = rules.margin;
  measurement.source = rules.source;
  measurement.verdicts = decide_by_timings(timings, rules.margin);
  std::map<GemmShape, ShapeVerdict*> by_shape;
  for (ShapeVerdict& verdict : measurement.verdicts) {
    by_shape[verdict.timing.shape] = &verdict;
  }
  const std::string name = selection.precision.entry->manifest.name;
  const std::string reference = selection.reference->entry->manifest.name;
  std::vector<SiteVerdict>& mine = verdicts_of(verdicts, name).verdicts;
  std::vector<SiteVerdict>& theirs = verdicts_of(verdicts, reference).verdicts;
  const auto remove = [&](const std::string& plugin) {
    std::erase_if(
        verdicts, [&](const SiteVerdicts& v) { return v.plugin == plugin; });
  };
  if (!accepts_a_linear(sites, mine)) {
    selection.reference.reset();
    remove(reference);
    return;
  }
  Problems problems;
  int64_t candidate_sites = 0, reference_sites = 0;
  for (size_t i = 0; i < sites.size(); ++i) {
    if (sites[i].kind != SiteKind::linear) {
      continue;
    }
    if (!mine.at(i).accepted) {
      reference_sites += theirs.at(i).accepted ? 1 : 0;
      theirs[i].reason = theirs[i].accepted
          ? name + " leaves it alone: " + mine[i].reason
          : theirs[i].reason;
      continue;
    }
    if (!theirs.at(i).accepted) {
      ++candidate_sites;
      continue;
    }
    const auto verdict = by_shape.find(shapes.at(sites[i].name));
    if (verdict == by_shape.end()) {
      problems.add(
          "expected a time for " + gemm_text(shapes.at(sites[i].name)) + " (" +
          sites[i].name + "), found none");
      continue;
    }
    ++verdict->second->sites;
    if (verdict->second->wins) {
      ++candidate_sites;
      mine[i].reason = with_measured(mine[i].reason, verdict->second->reason);
      theirs[i] = SiteVerdict::skip(
          name + " computes it (" + verdict->second->reason + ")");
    } else {
      ++reference_sites;
      mine[i] = SiteVerdict::skip(verdict->second->reason);
      theirs[i].reason =
          with_measured(theirs[i].reason, verdict->second->reason);
    }
  }
  problems.raise(
      ExitCode::resolution, "resolve", "the table of timings has gaps");

  int64_t wins = 0;
  double best = 0;
  for (const ShapeVerdict& verdict : measurement.verdicts) {
    wins += verdict.wins ? 1 : 0;
    best = std::max(best, verdict.ratio);
  }
  const size_t all = measurement.verdicts.size();
  if (candidate_sites == 0) {
    replace_candidate(selection, rules.stage, best);
    remove(name);
  } else {
    if (Candidate* row = row_of(selection, name)) {
      row->reason = with_measured(
          selection.precision.probed.empty() ? "" : row->reason,
          fmt::format(
              "measured faster than {} {}", reference, at_shapes(wins, all)));
    }
    if (reference_sites == 0) {
      selection.reference.reset();
      remove(reference);
    } else if (Candidate* row = row_of(selection, reference)) {
      row->verdict = "chosen too";
      row->reason = fmt::format(
          "for {} layers that {} does not win or leaves alone",
          reference_sites,
          name);
    }
  }
  selection.measurement = std::move(measurement);
}

std::string describe_measurement(const Selection& selection) {
  if (!selection.measurement) {
    return "";
  }
  const Measurement& measurement = *selection.measurement;
  const GemmTimings& timings = measurement.timings;
  std::string text = fmt::format(
      "measured: {} against {} on {}, forward and backward, margin {:g}x{}\n",
      timings.candidate,
      timings.reference,
      timings.device,
      measurement.margin,
      measurement.source.empty() ? "" : " (" + measurement.source + ")");
  const std::string first = timings.candidate + " ms";
  const std::string second = timings.reference + " ms";
  text += fmt::format(
      "  {:>6} {:>7} {:>7}  {:>5}  {:>12}  {:>12}  {:>7}  to\n",
      "M",
      "N",
      "K",
      "sites",
      first,
      second,
      "ratio");
  for (const ShapeVerdict& verdict : measurement.verdicts) {
    const GemmTiming& timing = verdict.timing;
    text += fmt::format(
        "  {:>6} {:>7} {:>7}  {:>5}  {:>12.3f}  {:>12.3f}  {:>6.2f}x  {}\n",
        timing.shape.m,
        timing.shape.n,
        timing.shape.k,
        verdict.sites,
        timing.candidate_ms,
        timing.reference_ms,
        std::floor(verdict.ratio * 100) / 100,
        verdict.wins ? timings.candidate : timings.reference);
  }
  return text;
}

} // namespace octet
