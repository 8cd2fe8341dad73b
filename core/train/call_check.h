// After the first step: did every site's Gemm really run as often as the plan
// means? The decoder counts the calls, not the plugins.
#pragma once

#include "core/data/batch.h"
#include "core/model/ledger.h"
#include "core/resolve/plan.h"

#include <map>
#include <string>

namespace octet {

/// Every linear layer runs forward once a microbatch (twice with activation
/// checkpointing) and backward once. The head works in chunks of rows, so it
/// runs at least once for each microbatch with targets, forward as often as
/// backward.
/// @throws Failure(resolution) naming every site whose counts differ
void check_calls(
    const Plan& plan,
    const StepBatch& batch,
    bool activation_checkpointing,
    const std::map<std::string, CallCount>& counts);

} // namespace octet
