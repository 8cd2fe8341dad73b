// Whether the tensors of a checkpoint are those of a ModelSpec.
#pragma once

#include "core/spec/model_spec.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace octet {

using TensorShapes = std::map<std::string, std::vector<int64_t>>;

/// @param found the checkpoint's tensors under Hugging Face names
/// @param origin the checkpoint, for the message
/// @throws Failure(input) with every missing, unexpected and misshapen tensor;
/// long lists are cut
void check_weights(
    const ModelSpec& spec,
    const TensorShapes& found,
    const std::string& origin);

} // namespace octet
