// cuBLAS 13.10, LibTorch's CUDA library and the real Transformer Engine in one
// process, on a machine without a driver too. In a process of its own, since
// nothing is unloaded. Skipped where tools/check --cuda --te did not bring
// them.
#include "core/cuda/libraries.h"
#include "plugins/te/library.h"
#include "plugins/te/places.h"

#include <octet/error.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <string>

namespace octet {
namespace {

namespace fs = std::filesystem;

/// The files of which this process has a library of that name.
std::set<std::string> files_of(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  std::set<std::string> files;
  for (std::string line; std::getline(maps, line);) {
    const size_t slash = line.find('/');
    if (slash != std::string::npos && line.ends_with("/" + name)) {
      files.insert(line.substr(slash));
    }
  }
  return files;
}

[[noreturn]] void load_both(const fs::path& cuda, const fs::path& engine) {
  int status = 0;
  try {
    const CudaVersions versions = load_torch_cuda(cuda);
    const auto library = te::Library::load(engine);
    std::cerr << "CUDA " << versions.runtime << ", cuBLAS " << versions.cublas
              << ", cuDNN " << versions.cudnn << ", Transformer Engine "
              << library->version() << "\n";
    for (const char* name :
         {"libcublas.so.13",
          "libcublasLt.so.13",
          "libcudart.so.13",
          "libcudnn.so.9",
          "libnccl.so.2",
          "libnvrtc.so.13",
          "libtorch_cuda.so",
          "libtransformer_engine.so"}) {
      const std::set<std::string> files = files_of(name);
      if (files.size() != 1) {
        std::cerr << name << " is there " << files.size() << " times\n";
        status = 1;
      }
    }
    if (!files_of("libcublas.so.13").begin()->starts_with(cuda.string())) {
      std::cerr << "another libcublas.so.13\n";
      status = 1;
    }
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    status = 2;
  }
  std::exit(status);
}

TEST(OneProcess, HoldsOneCublasForLibTorchAndTransformerEngine) {
  const fs::path cuda = find_cuda_libraries("", "").folder;
  // tools/setup's versions are pinned; what pip installed is as good.
  fs::path engine = te::library_in(setup_folder("transformer-engine"));
  const bool pinned = !engine.empty();
  for (const fs::path& folder : te::site_package_folders()) {
    engine = engine.empty() ? te::library_in(folder) : engine;
  }
  if (cuda.empty() || engine.empty()) {
    GTEST_SKIP() << "tools/setup --cuda --te brings what this test loads";
  }
  // A process started anew, not forked: LibTorch has threads.
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      load_both(cuda, engine),
      ::testing::ExitedWithCode(0),
      pinned
          ? "CUDA 13\\.0, cuBLAS 13\\.10\\.0, cuDNN 9\\.20\\.0, Transformer "
            "Engine 2\\.20\\.2"
          : "CUDA 13\\..*, cuBLAS 13\\..*, cuDNN 9\\..*, Transformer Engine 2");
}

} // namespace
} // namespace octet
