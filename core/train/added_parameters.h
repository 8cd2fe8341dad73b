// The trainable parameters that are not tensors of the base model: those that
// features added. Checkpoints keep their masters apart.
#pragma once

#include "core/model/decoder.h"
#include "core/spec/model_spec.h"

#include <octet/tensors.h>

namespace octet {

/// Name and master of each; the tensors share memory with the decoder.
State added_parameters(const ModelSpec& spec, Decoder& decoder);

/// @throws Failure(input) that lists missing, unexpected and misshapen ones
void restore_parameters(
    const State& saved,
    const ModelSpec& spec,
    Decoder& decoder);

} // namespace octet
