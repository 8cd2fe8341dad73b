// config.json's quantization_config: how stored weights were quantized
// (private to core/spec).
#pragma once

#include "core/spec/config_reader.h"
#include "core/spec/model_spec.h"

#include <optional>

namespace octet {

/// Nothing when the checkpoint is not quantized. Kinds that cannot be
/// dequantized here are a problem, with the reason.
/// Sources: transformers' FineGrainedFP8Config and FbgemmFp8Config,
/// compressed-tensors' QuantizationConfig, NVIDIA ModelOpt's hf_quant_config.
std::optional<Fp8Storage> read_quantization(const ConfigReader& config);

} // namespace octet
