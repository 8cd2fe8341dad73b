// Expected against counted calls.
#include "core/train/call_check.h"

#include "core/base/problems.h"

namespace octet {
namespace {

std::string describe_calls(const CallCount& calls) {
  return std::to_string(calls.forward) + " forward and " +
      std::to_string(calls.backward) + " backward calls";
}

std::string gemm_of(const SitePlan& site) {
  for (const Placement& placement : site.placements) {
    if (placement.slot == "gemm") {
      return placement.plugin;
    }
  }
  return "the plain gemm";
}

} // namespace

void check_calls(
    const Plan& plan,
    const StepBatch& batch,
    const std::map<std::string, CallCount>& counts) {
  std::vector<int64_t> targets;
  for (const Microbatch& microbatch : batch.microbatches) {
    targets.push_back(microbatch.target_count);
  }
  Problems problems;
  std::map<std::string, CallCount> unplanned = counts;
  for (const SitePlan& planned : plan.sites) {
    if (planned.site.kind != SiteKind::linear) {
      continue;
    }
    const auto found = counts.find(planned.site.name);
    const CallCount got = found == counts.end() ? CallCount{} : found->second;
    const CallCount expected = expected_calls(planned.calls, targets);
    if (!(got == expected)) {
      problems.add(
          planned.site.name + " (" + gemm_of(planned) + "): expected " +
          describe_calls(expected) + " in the first step, counted " +
          describe_calls(got));
    }
    unplanned.erase(planned.site.name);
  }
  for (const auto& [site, calls] : unplanned) {
    problems.add(
        site + ": the plan has no such site, counted " + describe_calls(calls));
  }
  problems.raise(
      ExitCode::resolution,
      "verify",
      "what ran is not what the plan says; please report this");
}

} // namespace octet
