// Memory that ran out: what to change in a run, so that it fits.
#pragma once

#include "core/config/run_config.h"
#include "core/resolve/plan.h"

#include <string>

namespace octet {

/// Whether the text of an error says that memory ran out, in the words of
/// LibTorch's allocators, CUDA, cuBLAS or the C++ library.
bool is_out_of_memory(const std::string& text);

/// What makes a run smaller and is not done yet, with the values that it has
/// now: "train.activation_checkpointing = true, a smaller data.max_length (now
/// 2048), ...".
std::string ways_to_save_memory(const RunConfig& config, const Plan& plan);

} // namespace octet
