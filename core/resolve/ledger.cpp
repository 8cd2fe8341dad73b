// The plan against what the model editor saw: equal as multisets, or an error
// that names every difference, each once with the number of its sites.
#include "core/base/problems.h"
#include "core/resolve/plan.h"

#include <fmt/format.h>

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
  for (const auto& [hook, plugins] : plan.hooks) {
    for (const std::string& plugin : plugins) {
      keys.emplace_back(plugin, "", hook);
    }
  }
  return keys;
}

// Differences of one kind, at all sites that have it.
struct Difference {
  std::string first_site;
  int64_t sites = 0;
};

class Comparison {
 public:
  Comparison(const Plan& plan, const std::vector<LedgerEntry>& ledger)
      : in_order_(planned_keys(plan)) {
    planned_.insert(in_order_.begin(), in_order_.end());
    for (const LedgerEntry& entry : ledger) {
      const Key key(entry.plugin, entry.site, entry.slot);
      if (++done_[key] == 2) {
        differs(key, entry.plugin + " filled {} more than once");
      }
      if (planned_.count(key) == 0 && done_[key] == 1) {
        unplanned_[{entry.site, entry.slot}].push_back(entry.plugin);
      }
    }
  }

  Problems problems() {
    report_missing();
    for (const auto& [where, plugins] : unplanned_) {
      for (const std::string& plugin : plugins) {
        differs(
            {plugin, where.first, where.second},
            plugin + " filled {}, which the plan gives to nobody");
      }
    }
    Problems found;
    for (const auto& [kind, difference] : differences_) {
      const auto& [text, slot] = kind;
      const std::string where = difference.first_site.empty()
          ? slot
          : "slot " + slot + " of " + difference.first_site +
              (difference.sites > 1
                   ? fmt::format(" and of {} more", difference.sites - 1)
                   : "");
      found.add(fmt::format(fmt::runtime(text), where));
    }
    return found;
  }

 private:
  // What was planned and not done: by somebody else instead, or by nobody.
  void report_missing() {
    for (const Key& key : in_order_) {
      if (done_.count(key) > 0) {
        continue;
      }
      const auto& [plugin, site, slot] = key;
      const auto instead = unplanned_.find({site, slot});
      if (instead != unplanned_.end() && slot != "adapter") {
        differs(
            key,
            "the plan gives {} to " + plugin + ", but " +
                instead->second.front() + " filled it");
        instead->second.erase(instead->second.begin());
        if (instead->second.empty()) {
          unplanned_.erase(instead);
        }
      } else {
        differs(
            key,
            did_nothing(plugin)
                ? plugin + " did nothing of what the plan gives it: {}"
                : plugin + " did not fill {}, which the plan gives it");
      }
    }
  }

  bool did_nothing(const std::string& plugin) const {
    for (const auto& [key, times] : done_) {
      if (std::get<0>(key) == plugin) {
        return false;
      }
    }
    return true;
  }

  /// @param text with {} for the place
  void differs(const Key& key, const std::string& text) {
    const auto& [plugin, site, slot] = key;
    Difference& difference = differences_[{text, slot}];
    if (difference.sites++ == 0) {
      difference.first_site = site;
    }
  }

  const std::vector<Key> in_order_;
  std::set<Key> planned_;
  std::map<Key, int64_t> done_;
  // site and slot -> who filled it without being planned to
  std::map<std::pair<std::string, std::string>, std::vector<std::string>>
      unplanned_;
  // text and slot
  std::map<std::pair<std::string, std::string>, Difference> differences_;
};

} // namespace

void verify_ledger(const Plan& plan, const std::vector<LedgerEntry>& ledger) {
  Comparison(plan, ledger)
      .problems()
      .raise(
          ExitCode::resolution, "verify", "the model is not what was planned");
}

} // namespace octet
