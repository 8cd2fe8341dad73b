// Rotary scaling out of GGUF files (private to core/spec).
#pragma once

#include "core/io/gguf.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace octet {

/// The rope_scaling object of config.json that a file amounts to; null for
/// plain positions.
/// @param prefix of its keys: "llama."
/// @throws Failure(input) for a kind of scaling that is not supported
nlohmann::json rope_scaling_of_gguf(
    const GgufFile& file,
    const std::string& prefix,
    double rope_theta,
    int64_t head_size);

/// Finds the llama3 scaling that yields these factors. llama.cpp stores, for
/// each frequency, by how much it is divided, and not where it came from.
/// @param factors [head_size / 2]
/// @throws Failure(input) when they are none of llama3's
nlohmann::json llama3_scaling_of_factors(
    const std::vector<float>& factors,
    double rope_theta,
    int64_t head_size);

} // namespace octet
