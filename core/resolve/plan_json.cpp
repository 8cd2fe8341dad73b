// resolution.json: every decision of a run with its reason. Its schema stands
// in docs/run-directory.md and is held by a test; `version` changes with it.
#include "core/resolve/plan.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace octet {

namespace {

using nlohmann::json;

json value_json(const decltype(OptionValue::value)& value) {
  return std::visit([](const auto& held) { return json(held); }, value);
}

json plugin_json(const SelectedPlugin& plugin) {
  const Manifest& manifest = plugin.entry->manifest;
  json options = json::object();
  for (const auto& [name, option] : plugin.options.values) {
    options[name] = {
        {"value", value_json(option.value)}, {"from", option.place.text()}};
  }
  return {
      {"name", manifest.name},
      {"version", manifest.version},
      {"why", plugin.why},
      {"origin", plugin.entry->origin},
      {"path", plugin.entry->path.string()},
      {"options", options}};
}

json calls_json(const CallPlan& calls) {
  return {
      {"forward", calls.forward},
      {"backward", calls.backward},
      {"chunk_rows", calls.chunk_rows}};
}

json site_json(const SitePlan& plan, const std::string& precision) {
  json slots = json::array();
  const auto add = [&](const std::string& slot,
                       const std::string& plugin,
                       const std::string& reason) {
    slots.push_back({{"slot", slot}, {"by", plugin}, {"reason", reason}});
  };
  for (const Placement& placement : plan.placements) {
    add(placement.slot, placement.plugin, placement.reason);
  }
  const auto skipped = plan.skipped.find(precision);
  const bool computed = std::any_of(
      plan.placements.begin(),
      plan.placements.end(),
      [](const Placement& placement) { return placement.slot == "gemm"; });
  if (plan.site.kind == SiteKind::linear && !computed &&
      skipped != plan.skipped.end()) {
    add("gemm", "core", skipped->second);
  }
  json site = {
      {"name", plan.site.name},
      {"kind", plan.site.kind == SiteKind::linear ? "linear" : "embedding"},
      {"weight", plan.site.weight},
      {"in_features", plan.site.in_features},
      {"out_features", plan.site.out_features},
      {"trainable", plan.trainable},
      {"slots", slots},
      {"skipped", plan.skipped}};
  if (plan.site.kind == SiteKind::linear) {
    site["calls"] = calls_json(plan.calls);
  }
  return site;
}

} // namespace

json to_json(const Plan& plan) {
  const Selection& selection = plan.selection;
  json features = json::array();
  for (const SelectedPlugin& feature : selection.features) {
    features.push_back(plugin_json(feature));
  }
  json candidates = json::array();
  for (const Candidate& row : selection.candidates) {
    candidates.push_back(
        {{"name", row.name},
         {"rank", row.rank},
         {"verdict", row.verdict},
         {"reason", row.reason}});
  }
  json sites = json::array();
  for (const SitePlan& site : plan.sites) {
    sites.push_back(site_json(site, selection.precision.entry->manifest.name));
  }
  json all = {
      {"version", 3},
      {"compute_dtype", plan.compute_dtype},
      {"precision", plugin_json(selection.precision)},
      {"features", features},
      {"candidates", candidates},
      {"notes", selection.notes},
      {"parameters",
       {{"total", plan.total_parameters},
        {"trainable", plan.trainable_parameters},
        {"trains_base", plan.trains_base}}},
      {"ops", plan.ops},
      {"hooks", plan.hooks},
      {"sites", sites}};
  if (selection.reference) {
    all["reference"] = plugin_json(*selection.reference);
  }
  if (selection.measurement) {
    all["measured"] = to_json(*selection.measurement);
  }
  return all;
}

json slot_counts(const Plan& plan) {
  std::map<std::string, std::map<std::string, int64_t>> counts;
  for (const SitePlan& site : plan.sites) {
    for (const Placement& placement : site.placements) {
      ++counts[placement.plugin][placement.slot];
    }
  }
  for (const auto& [op, plugin] : plan.ops) {
    ++counts[plugin]["op:" + op];
  }
  for (const auto& [hook, plugins] : plan.hooks) {
    for (const std::string& plugin : plugins) {
      ++counts[plugin][hook];
    }
  }
  return counts;
}

} // namespace octet
