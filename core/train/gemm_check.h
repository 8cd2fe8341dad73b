// Before the first update: is every site's Gemm still that of the plugin that
// the plan names? The counts of calls say how often, this says whose.
#pragma once

#include "core/model/decoder.h"
#include "core/resolve/plan.h"

namespace octet {

/// @throws Failure(resolution) naming every linear site whose Gemm is another
/// plugin's, or the core's where the plan has a plugin, or the other way round
void check_gemms(const Plan& plan, const Decoder& decoder);

} // namespace octet
