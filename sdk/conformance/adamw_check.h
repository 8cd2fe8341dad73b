// A replaced AdamW against the host's own.
#pragma once

#include <octet/ops.h>

namespace octet::conformance {

/// Three updates of the same tensors by both: masters and moments.
/// @param bound of the relative error of what the updates changed
/// @throws Error
void expect_adamw(AdamwOp& found, AdamwOp& expected, double bound);

} // namespace octet::conformance
