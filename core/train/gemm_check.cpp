// Planned against present Gemms.
#include "core/train/gemm_check.h"

#include "core/base/problems.h"

namespace octet {
namespace {

std::string planned_plugin(const SitePlan& site) {
  for (const Placement& placement : site.placements) {
    if (placement.slot == "gemm") {
      return placement.plugin;
    }
  }
  return "";
}

std::string shown(const std::string& plugin) {
  return plugin.empty() ? "the plain gemm" : plugin;
}

} // namespace

void check_gemms(const Plan& plan, const Decoder& decoder) {
  Problems problems;
  for (const SitePlan& planned : plan.sites) {
    if (planned.site.kind != SiteKind::linear) {
      continue;
    }
    const std::string expected = planned_plugin(planned);
    const std::string found = decoder.gemm_plugin(planned.site.name);
    if (found != expected) {
      problems.add(
          planned.site.name + ": expected to be computed by " +
          shown(expected) + ", was computed by " + shown(found));
    }
  }
  problems.raise(
      ExitCode::resolution,
      "verify",
      "what ran is not what the plan says; please report this");
}

} // namespace octet
