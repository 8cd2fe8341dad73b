// The decoder's ops in fp64, written from their formulas. Roundings between two
// FP8 casts then no longer decide on which side of a step an element falls, so
// that losses of two programs can be compared.
//
// One sequence at positions 0, 1, ... Shapes as in <octet/ops.h>.
#pragma once

#include "core/ops/op_table.h"

namespace octet::torchao::testing {

/// Replaces every op but adamw.
/// @param rope_theta base of the rotary periods: the table that a decoder hands
/// to its ops is fp32
void compute_in_double(OpTable& ops, double rope_theta);

} // namespace octet::torchao::testing
