// Finding and loading, with stand-ins for NVIDIA's libraries
// (tests/fixtures/cuda). What loads something runs in a process of its own,
// since nothing is unloaded.
#include "core/cuda/libraries.h"

#include "core/base/problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include <dlfcn.h>
#include <unistd.h>

namespace octet {
namespace {

namespace fs = std::filesystem;

const fs::path kFakes = OCTET_BINARY_DIR "/tests/cuda";

/// Ends the process with what load_cublas says on the standard error.
[[noreturn]] void load_and_tell(const fs::path& folder) {
  try {
    std::cerr << "cuBLAS " << load_cublas(folder) << std::endl;
  } catch (const Failure& failure) {
    std::cerr << failure.what() << std::endl;
    std::exit(static_cast<int>(failure.code()));
  }
  std::exit(0);
}

using ::testing::ExitedWithCode;

TEST(CudaLibraries, AGivenFolderIsTheOnlyOneThatIsLookedAt) {
  const CudaLibraries found = find_cuda_libraries("/nowhere", kFakes / "new");
  EXPECT_EQ(found.folder, "");
  EXPECT_THAT(found.searched, ::testing::ElementsAre("/nowhere"));
}

TEST(CudaLibraries, TheFolderOfLibTorchComesBeforeTheCache) {
  const CudaLibraries found = find_cuda_libraries("", kFakes / "new");
  EXPECT_EQ(found.folder, kFakes / "new");
  ASSERT_GE(found.searched.size(), 1u);
  EXPECT_EQ(found.searched.front(), kFakes / "new");
}

TEST(CudaLibraries, TheCacheIsWhereSetupPutsThem) {
  ::setenv("XDG_CACHE_HOME", "/some/cache", 1);
  const CudaLibraries found = find_cuda_libraries("", "");
  EXPECT_THAT(
      found.searched,
      ::testing::ElementsAre("/some/cache/octet/libtorch-cuda-2.13.0"));
}

TEST(LoadCublas, OneThatIsNewEnoughTellsItsVersion) {
  EXPECT_EXIT(
      load_and_tell(kFakes / "new"), ExitedWithCode(0), "cuBLAS 13\\.10\\.0");
}

TEST(LoadCublas, AnOldOneIsRefusedWithBothVersions) {
  EXPECT_EXIT(
      load_and_tell(kFakes / "old"),
      ExitedWithCode(3),
      "\\[cuda\\] expected cuBLAS 13\\.10 or newer, found 13\\.1\\.1 "
      "\\(.*/old/nvidia/cu13/lib/libcublas\\.so\\.13\\): one process holds one "
      "cuBLAS, and FP8 libraries need 13\\.10; run tools/setup --cuda");
}

TEST(LoadCublas, TheWrongOrderIsSeen) {
  EXPECT_EXIT(
      {
        const fs::path old = kFakes / "old/nvidia/cu13/lib/libcublas.so.13";
        if (::dlopen(old.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
          std::exit(99);
        }
        load_and_tell(kFakes / "new");
      },
      ExitedWithCode(3),
      "found 13\\.1\\.1, which this process has loaded already \\(.*/old/.*"
      "LD_LIBRARY_PATH");
}

TEST(LoadCublas, AFolderWithoutOneIsNamed) {
  EXPECT_EXIT(
      load_and_tell(kFakes / "without_cublas"),
      ExitedWithCode(3),
      "found no libcublas\\.so\\.13 in .*/without_cublas/nvidia/cu13/lib; run "
      "tools/setup --cuda");
}

/// What stands in the variable afterwards, "" when it is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class CudaHeaders : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "nvidia/cu13/include");
    ::unsetenv("NVTE_CUDA_INCLUDE_DIR");
    ::unsetenv("CUDA_HOME");
  }
  void TearDown() override {
    fs::remove_all(folder_);
    ::unsetenv("NVTE_CUDA_INCLUDE_DIR");
    ::unsetenv("CUDA_HOME");
  }
  void add_headers() const {
    std::ofstream(folder_ / "nvidia/cu13/include/cuda_runtime.h") << "";
  }
  const fs::path folder_ = fs::temp_directory_path() /
      ("octet_headers_" + std::to_string(::getpid()));
};

TEST_F(CudaHeaders, AnotherCudaHomeDoesNotGiveTransformerEngineItsHeaders) {
  add_headers();
  ::setenv("CUDA_HOME", "/usr/local/cuda-12.4", 1);
  point_to_cuda_headers(folder_);
  EXPECT_EQ(variable("NVTE_CUDA_INCLUDE_DIR"), folder_ / "nvidia/cu13/include");
  EXPECT_EQ(variable("CUDA_HOME"), "/usr/local/cuda-12.4");
}

TEST_F(CudaHeaders, AnIncludeFolderOfTheUserStays) {
  add_headers();
  ::setenv("NVTE_CUDA_INCLUDE_DIR", "/my/include", 1);
  point_to_cuda_headers(folder_);
  EXPECT_EQ(variable("NVTE_CUDA_INCLUDE_DIR"), "/my/include");
  EXPECT_EQ(variable("CUDA_HOME"), folder_ / "nvidia/cu13");
}

TEST_F(CudaHeaders, AFolderWithoutThemIsNotPointedTo) {
  point_to_cuda_headers(folder_);
  EXPECT_EQ(variable("NVTE_CUDA_INCLUDE_DIR"), "");
  EXPECT_EQ(variable("CUDA_HOME"), "");
}

TEST(LoadTorchCuda, LibTorchMustBeThereFirst) {
  EXPECT_EXIT(
      {
        try {
          load_torch_cuda(kFakes / "new");
        } catch (const Failure& failure) {
          std::cerr << failure.what() << std::endl;
          std::exit(static_cast<int>(failure.code()));
        }
        std::exit(0);
      },
      ExitedWithCode(1),
      "expected LibTorch in this process before its CUDA library");
}

} // namespace
} // namespace octet
