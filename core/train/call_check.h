// After the first step: did every site's Gemm really run as often as the plan
// means? The decoder counts the calls, not the plugins.
#pragma once

#include "core/data/batch.h"
#include "core/model/ledger.h"
#include "core/resolve/plan.h"

#include <map>
#include <string>

namespace octet {

/// Counted calls against the plan's (see CallPlan), exactly, for every linear
/// site: frozen ones, the head's chunks and recomputation included.
/// @throws Failure(resolution) naming every site whose counts differ, and every
/// counted site that the plan does not know
void check_calls(
    const Plan& plan,
    const StepBatch& batch,
    const std::map<std::string, CallCount>& counts);

} // namespace octet
