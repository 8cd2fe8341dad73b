// The plan as people read it at the start of a run.
#include "core/base/problems.h"
#include "core/plugin/words.h"
#include "core/resolve/decide_by_timings.h"
#include "core/resolve/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace octet {

std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

namespace {

// Sites that a plugin fills and why it leaves the others alone.
struct Coverage {
  int64_t filled = 0, sites = 0;
  std::map<std::string, int64_t> skipped;
};

Coverage
coverage(const Plan& plan, const std::string& plugin, bool linears_only) {
  Coverage found;
  for (const SitePlan& site : plan.sites) {
    if (linears_only && site.site.kind != SiteKind::linear) {
      continue;
    }
    ++found.sites;
    const auto skipped = site.skipped.find(plugin);
    if (skipped == site.skipped.end()) {
      ++found.filled;
    } else {
      ++found.skipped[skipped->second];
    }
  }
  return found;
}

// "lm_head (1), below the size where FP8 wins (28)", most frequent last.
std::string reasons(const std::map<std::string, int64_t>& skipped) {
  std::vector<std::pair<int64_t, std::string>> sorted;
  for (const auto& [reason, count] : skipped) {
    sorted.emplace_back(count, reason);
  }
  std::sort(sorted.begin(), sorted.end());
  std::string text;
  for (const auto& [count, reason] : sorted) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", reason, count);
  }
  return text;
}

// A reason without what was measured, which has a table of its own.
std::string unmeasured(std::string reason, const Selection& selection) {
  if (!selection.measurement) {
    return reason;
  }
  for (const ShapeVerdict& verdict : selection.measurement->verdicts) {
    if (reason.ends_with(verdict.reason)) {
      reason.resize(reason.size() - verdict.reason.size());
      return reason.ends_with("; ") ? reason.substr(0, reason.size() - 2)
                                    : reason;
    }
  }
  return reason;
}

// How the plugin computes what it computes, where it says so: " (FP8)".
std::string ways(const Plan& plan, const std::string& plugin) {
  std::set<std::string> found;
  for (const SitePlan& site : plan.sites) {
    for (const Placement& placement : site.placements) {
      const std::string reason = unmeasured(placement.reason, plan.selection);
      if (placement.plugin == plugin && !reason.empty()) {
        found.insert(reason);
      }
    }
  }
  return found.empty() ? "" : fmt::format(" ({})", fmt::join(found, "; "));
}

std::string precision_line(const Plan& plan, const Style& style) {
  const SelectedPlugin& precision = plan.selection.precision;
  const std::string& name = precision.entry->manifest.name;
  const Coverage linears = coverage(plan, name, true);
  std::string line = fmt::format(
      "{} {} ({}), {} of {} linears{}",
      style.dim("precision:"),
      style.bold(name),
      precision.why,
      linears.filled,
      linears.sites,
      ways(plan, name));
  if (linears.filled < linears.sites) {
    line += fmt::format(
        "; {} {}: {}",
        linears.sites - linears.filled,
        plan.selection.reference
            ? plan.selection.reference->entry->manifest.name
            : plan.compute_dtype,
        reasons(linears.skipped));
  }
  return line + "\n";
}

std::string feature_line(
    const Plan& plan,
    const SelectedPlugin& feature,
    const Style& style) {
  const Manifest& manifest = feature.entry->manifest;
  std::vector<std::string> slots, ops, hooks;
  for (const std::string& claim : manifest.claims) {
    if (is_op(claim)) {
      ops.push_back(claim.substr(3));
    } else {
      (is_hook(claim) ? hooks : slots).push_back(claim);
    }
  }
  std::string line = fmt::format(
      "{} {} ({})",
      style.dim("feature:"),
      style.bold(manifest.name),
      feature.why);
  if (!slots.empty()) {
    const Coverage sites = coverage(plan, manifest.name, false);
    line += fmt::format(
        ", {} at {} of {} sites", join_names(slots), sites.filled, sites.sites);
    if (sites.filled < sites.sites) {
      line += fmt::format(
          "; {} left alone: {}",
          sites.sites - sites.filled,
          reasons(sites.skipped));
    }
  }
  if (!ops.empty()) {
    line += ", replaces " + join_names(ops);
  }
  if (!hooks.empty()) {
    line += ", called at " + join_names(hooks);
  }
  return line + "\n";
}

std::string parameter_line(const Plan& plan) {
  std::vector<std::string> freezers;
  for (const SelectedPlugin& feature : plan.selection.features) {
    if (feature.entry->manifest.freezes_base) {
      freezers.push_back(feature.entry->manifest.name);
    }
  }
  const double percent = plan.total_parameters == 0
      ? 0
      : 100.0 * static_cast<double>(plan.trainable_parameters) /
          static_cast<double>(plan.total_parameters);
  return fmt::format(
      "parameters: {} trained of {} ({:.2f}%){}\n",
      grouped(plan.trainable_parameters),
      grouped(plan.total_parameters),
      percent,
      freezers.empty() ? ""
                       : "; " + join_names(freezers) + " freezes the base");
}

std::string candidate_table(
    const std::vector<Candidate>& candidates,
    const Style& style) {
  size_t name_width = 9, verdict_width = 7;
  for (const Candidate& row : candidates) {
    name_width = std::max(name_width, row.name.size());
    verdict_width = std::max(verdict_width, row.verdict.size());
  }
  std::string table = fmt::format(
      "  {:<{}}  rank  {:<{}}  reason\n",
      "candidate",
      name_width,
      "verdict",
      verdict_width);
  for (const Candidate& row : candidates) {
    // Padded first: escapes have no width.
    std::string verdict = fmt::format("{:<{}}", row.verdict, verdict_width);
    verdict = row.verdict == "chosen" ? style.green(verdict)
        : row.verdict == "not usable" ? style.yellow(verdict)
                                      : style.dim(verdict);
    table += fmt::format(
        "  {:<{}}  {:>4}  {}  {}\n",
        row.name,
        name_width,
        row.rank,
        verdict,
        row.reason);
  }
  return table;
}

} // namespace

std::string describe(const Plan& plan, const Style& style) {
  std::string text = precision_line(plan, style);
  if (plan.selection.precision.why == "auto") {
    text += candidate_table(plan.selection.candidates, style);
    text += describe_measurement(plan.selection);
  }
  for (const SelectedPlugin& feature : plan.selection.features) {
    text += feature_line(plan, feature, style);
  }
  text += parameter_line(plan);
  for (const std::string& note : plan.selection.notes) {
    text += style.yellow("note:") + " " + note + "\n";
  }
  return text;
}

} // namespace octet
