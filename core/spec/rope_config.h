// Rotary positions in config.json (private to core/spec).
#pragma once

#include "core/spec/config_reader.h"
#include "core/spec/model_spec.h"

namespace octet {

/// Fills rope_theta and rope_scaling from `rope_parameters` (transformers 5)
/// or `rope_theta` and `rope_scaling` (before). Needs spec.max_positions.
void read_rope(const ConfigReader& config, Problems& problems, ModelSpec& spec);

} // namespace octet
