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
    bool activation_checkpointing,
    const std::map<std::string, CallCount>& counts) {
  const auto microbatches = static_cast<int64_t>(batch.microbatches.size());
  int64_t with_targets = 0;
  for (const Microbatch& microbatch : batch.microbatches) {
    with_targets += microbatch.target_count > 0 ? 1 : 0;
  }
  Problems problems;
  for (const SitePlan& planned : plan.sites) {
    if (planned.site.kind != SiteKind::linear) {
      continue;
    }
    const auto found = counts.find(planned.site.name);
    const CallCount got = found == counts.end() ? CallCount{} : found->second;
    const bool head = planned.site.layer < 0;
    const CallCount expected = head
        ? CallCount{with_targets, with_targets}
        : CallCount{
              microbatches * (activation_checkpointing ? 2 : 1), microbatches};
    const bool right = head
        ? got.forward == got.backward && got.forward >= with_targets
        : got == expected;
    if (!right) {
      problems.add(
          planned.site.name + " (" + gemm_of(planned) + "): expected " +
          (head ? "at least " : "") + describe_calls(expected) +
          " in the first step, counted " + describe_calls(got));
    }
  }
  problems.raise(
      ExitCode::resolution,
      "verify",
      "what ran is not what the plan says; please report this");
}

} // namespace octet
