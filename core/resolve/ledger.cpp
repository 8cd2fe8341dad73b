// The plan against what the model editor saw: equal as multisets, or an error
// that names every difference.
#include "core/base/problems.h"
#include "core/resolve/plan.h"

#include <map>
#include <set>
#include <tuple>

namespace octet {

namespace {

// plugin, site, slot
using Key = std::tuple<std::string, std::string, std::string>;

// In the order of the model.
std::vector<Key> planned_keys(const Plan& plan) {
  std::vector<Key> keys;
  for (const SitePlan& site : plan.sites) {
    for (const Placement& placement : site.placements) {
      keys.emplace_back(placement.plugin, site.site.name, placement.slot);
    }
  }
  for (const auto& [op, plugin] : plan.ops) {
    keys.emplace_back(plugin, "", "op:" + op);
  }
  return keys;
}

std::string where(const std::string& site, const std::string& slot) {
  return site.empty() ? slot : "slot " + slot + " of " + site;
}

// One difference of one plugin and slot, at all sites that have it.
struct Difference {
  std::string first;
  int64_t sites = 0;
};

} // namespace

void verify_ledger(const Plan& plan, const std::vector<LedgerEntry>& ledger) {
  const std::vector<Key> in_order = planned_keys(plan);
  const std::set<Key> planned(in_order.begin(), in_order.end());
  std::map<std::string, Difference> differences;
  const auto differs = [&](const Key& key, const std::string& what) {
    const auto& [plugin, site, slot] = key;
    Difference& difference = differences[plugin + " " + what + " " + slot];
    if (difference.sites++ == 0) {
      difference.first = plugin + " " + what + " " + where(site, slot);
    }
  };
  std::map<Key, int64_t> done;
  for (const LedgerEntry& entry : ledger) {
    const Key key(entry.plugin, entry.site, entry.slot);
    const int64_t times = ++done[key];
    if (planned.count(key) == 0) {
      differs(key, "was not planned to fill, but filled");
    } else if (times == 2) {
      differs(key, "filled more than once");
    }
  }
  for (const Key& key : in_order) {
    if (done.count(key) == 0) {
      differs(key, "was planned to fill, but did not fill");
    }
  }
  Problems problems;
  for (const auto& [kind, difference] : differences) {
    problems.add(
        difference.first +
        (difference.sites > 1
             ? " and of " + std::to_string(difference.sites - 1) + " more"
             : ""));
  }
  problems.raise(
      ExitCode::resolution, "verify", "the model is not what was planned");
}

} // namespace octet
