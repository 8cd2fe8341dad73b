// The plan against what the model editor saw: equal as multisets, or an error
// that names every difference.
#include "core/base/problems.h"
#include "core/resolve/plan.h"

#include <map>
#include <tuple>

namespace octet {

namespace {

// plugin, site, slot -> how often
using Counts =
    std::map<std::tuple<std::string, std::string, std::string>, int64_t>;

Counts planned_counts(const Plan& plan) {
  Counts counts;
  for (const SitePlan& site : plan.sites) {
    for (const Placement& placement : site.placements) {
      ++counts[{placement.plugin, site.site.name, placement.slot}];
    }
  }
  for (const auto& [op, plugin] : plan.ops) {
    ++counts[{plugin, "", "op:" + op}];
  }
  return counts;
}

std::string where(const std::string& site, const std::string& slot) {
  return site.empty() ? slot : "slot " + slot + " of " + site;
}

// One difference of one plugin and slot, at all sites that have it.
struct Difference {
  std::string first_site, slot;
  int64_t sites = 0;
};

} // namespace

void verify_ledger(const Plan& plan, const std::vector<LedgerEntry>& ledger) {
  const Counts planned = planned_counts(plan);
  Counts done;
  for (const LedgerEntry& entry : ledger) {
    ++done[{entry.plugin, entry.site, entry.slot}];
  }
  std::map<std::string, Difference> differences;
  const auto differs = [&](const auto& key, const std::string& what) {
    const auto& [plugin, site, slot] = key;
    Difference& difference = differences[plugin + " " + what + " " + slot];
    if (difference.sites++ == 0) {
      difference.first_site = plugin + " " + what + " " + where(site, slot);
    }
  };
  for (const auto& [key, count] : planned) {
    if (done.count(key) == 0) {
      differs(key, "was planned to fill, but did not fill");
    }
  }
  for (const auto& [key, count] : done) {
    if (planned.count(key) == 0) {
      differs(key, "was not planned to fill, but filled");
    } else if (count > 1) {
      differs(key, "filled more than once");
    }
  }
  Problems problems;
  for (const auto& [kind, difference] : differences) {
    problems.add(
        difference.first_site +
        (difference.sites > 1
             ? " and of " + std::to_string(difference.sites - 1) + " more"
             : ""));
  }
  problems.raise(
      ExitCode::resolution, "verify", "the model is not what was planned");
}

} // namespace octet
