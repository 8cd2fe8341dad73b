// Patterns, limits and their warnings.
#include "core/train/cast_watch.h"

#include "core/base/problems.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include <fnmatch.h>

namespace octet {
namespace {

// Named in one warning; the report lists all of them.
constexpr size_t kMostNamed = 5;

const std::string* gemm_plugin(const SitePlan& site) {
  for (const Placement& placement : site.placements) {
    if (placement.slot == "gemm") {
      return &placement.plugin;
    }
  }
  return nullptr;
}

bool is_reference(const Plan& plan, const std::string& plugin) {
  const auto marked = [&](const SelectedPlugin& selected) {
    return selected.entry->manifest.name == plugin &&
        selected.entry->manifest.reference;
  };
  return marked(plan.selection.precision) ||
      (plan.selection.reference && marked(*plan.selection.reference));
}

} // namespace

CastWatch::CastWatch(const WatchSection& settings, const Plan& plan)
    : settings_(settings) {
  if (settings_.every == 0) {
    return;
  }
  std::map<std::string, int64_t> fits;
  for (const std::string& pattern : settings_.sites) {
    fits[pattern] = 0;
  }
  std::vector<std::string> computed;
  std::set<std::string> backends;
  bool casts = false;
  for (const SitePlan& site : plan.sites) {
    const std::string* plugin = gemm_plugin(site);
    if (plugin == nullptr) {
      continue;
    }
    computed.push_back(site.site.name);
    bool wanted = settings_.sites.empty();
    for (auto& [pattern, count] : fits) {
      const bool fit =
          ::fnmatch(pattern.c_str(), site.site.name.c_str(), 0) == 0;
      count += fit ? 1 : 0;
      wanted = wanted || fit;
    }
    if (wanted) {
      sites_.insert(site.site.name);
      backends.insert(*plugin);
      casts = casts || !is_reference(plan, *plugin);
    }
  }
  Problems problems;
  for (const auto& [pattern, count] : fits) {
    if (count == 0) {
      const std::string nearest = nearest_name(pattern, computed);
      problems.add(
          "watch.sites: \"" + pattern +
          "\" fits no layer that a precision plugin computes" +
          (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
  }
  problems.raise(ExitCode::usage, "watch", "cannot watch as asked");
  backends_ = join_names({backends.begin(), backends.end()});
  if (!casts) {
    throw Failure(
        ExitCode::resolution,
        "watch",
        "expected layers with low-precision casts for watch.every = " +
            std::to_string(settings_.every) +
            ", but all of them are computed "
            "by " +
            (backends_.empty() ? "the core" : backends_) +
            ", which casts nothing; remove [watch], or choose an FP8 backend");
  }
}

bool CastWatch::due(int64_t step) const {
  return settings_.every > 0 && (step == 1 || step % settings_.every == 0);
}

WatchedStep CastWatch::record(
    int64_t step,
    const std::vector<SiteCasts>& statistics) const {
  WatchedStep watched{step, {}};
  for (const SiteCasts& site : statistics) {
    if (!sites_.contains(site.site)) {
      continue;
    }
    for (const CastStatistics& cast : site.casts) {
      watched.casts.push_back(
          {site.site,
           cast.tensor,
           cast.amax,
           cast.scale,
           cast.underflow,
           cast.overflow,
           cast.sqnr_db});
    }
  }
  if (watched.casts.empty()) {
    throw Failure(
        ExitCode::resolution,
        "watch",
        "expected statistics of casts at step " + std::to_string(step) +
            ", but " + backends_ + " cast nothing in the " +
            std::to_string(sites_.size()) +
            " layers to watch; remove [watch], or choose an FP8 backend");
  }
  return watched;
}

std::vector<std::string> CastWatch::new_warnings(const WatchedStep& watched) {
  std::vector<std::string> found;
  const auto check = [&](const CastRecord& cast,
                         const char* what,
                         double part,
                         double limit) {
    if (!(part > limit)) {
      return;
    }
    const std::string key = cast.site + " " + cast.tensor + " " + what;
    if (++passed_[key] == 1) {
      found.push_back(fmt::format(
          "{} ({}): {} of {:.3g}% at step {} is past watch.{}_limit, {:.3g}%",
          cast.site,
          cast.tensor,
          what,
          100 * part,
          watched.step,
          what,
          100 * limit));
    }
  };
  for (const CastRecord& cast : watched.casts) {
    check(cast, "overflow", cast.overflow, settings_.overflow_limit);
    check(cast, "underflow", cast.underflow, settings_.underflow_limit);
  }
  if (found.size() > kMostNamed) {
    const size_t more = found.size() - kMostNamed;
    found.resize(kMostNamed);
    found.push_back(fmt::format(
        "and {} more casts past a limit at step {}; report.html lists all of "
        "them, events.jsonl has every step",
        more,
        watched.step));
  }
  return found;
}

std::string CastWatch::closing_warning() const {
  int64_t again = 0, casts = 0;
  for (const auto& [key, times] : passed_) {
    again += times - 1;
    casts += times > 1 ? 1 : 0;
  }
  return again == 0
      ? ""
      : fmt::format(
            "{} casts passed their limits again, {} times in all; report.html "
            "counts them by layer",
            casts,
            again);
}

} // namespace octet
