// LibTorch's CUDA library and NVIDIA's, found and loaded when a run computes on
// a GPU. The order is the point: one process holds one libcublas.so.13, so one
// of at least 13.10 comes first, into the global scope, and everything after it
// (LibTorch, an FP8 library of a plugin) uses that one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

/// A folder laid out as Python's site-packages: torch/lib/libtorch_cuda.so
/// beside nvidia/*/lib.
struct CudaLibraries {
  /// Empty when there is none.
  std::filesystem::path folder;
  /// Where it was looked for.
  std::vector<std::filesystem::path> searched;
};

/// Where tools/setup puts a folder of that name (tools/cache_folder); empty for
/// a user without a home.
std::filesystem::path setup_folder(const std::string& name);

/// @param given run.cuda_libraries; when not empty nothing else is tried
/// @param libtorch the folder that holds LibTorch's torch/lib; may be empty
CudaLibraries find_cuda_libraries(
    const std::filesystem::path& given,
    const std::filesystem::path& libtorch);

/// What is in the process once it is loaded, "" where it cannot be asked.
struct CudaVersions {
  /// "13.0", "13.10.0", "9.20.0"
  std::string runtime, cublas, cudnn;
};

/// Loads cuBLAS, or judges the one that the process has already. Needs neither
/// LibTorch nor a driver. @returns its version
/// @throws Failure(resolution): missing, not loadable, or older than 13.10
std::string load_cublas(const std::filesystem::path& folder);

/// Tells libraries that compile kernels at run time, as Transformer Engine
/// does, where the headers of the CUDA in `folder` are: NVTE_CUDA_INCLUDE_DIR,
/// which is read before a CUDA_HOME of perhaps another version, and CUDA_HOME
/// for the others. A variable that is set stays as it is; without headers, both
/// do.
void point_to_cuda_headers(const std::filesystem::path& folder);

/// Loads cuBLAS, then libtorch_cuda.so with all it needs. LibTorch's CPU part
/// must be in the process. Needs no driver; with one, also what LibTorch opens
/// by name later.
/// @throws Failure(resolution) naming the file, what is wrong and what to do
CudaVersions load_torch_cuda(const std::filesystem::path& folder);

} // namespace octet
