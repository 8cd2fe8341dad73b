// The device of a run, chosen before any plugin is asked.
#pragma once

#include "core/config/run_config.h"
#include "core/cuda/run_device.h"

#include <filesystem>

namespace octet {

/// The folder that holds the torch/lib of the training library's LibTorch;
/// empty where it is not found.
std::filesystem::path libtorch_folder();

/// Chooses, tells the plugins' host what it is, and for a GPU loads cuBLAS, so
/// that it is there before a plugin's probe brings another one.
/// @throws Failure(resolution)
RunDevice device_of_run(const RunConfig& config);

} // namespace octet
