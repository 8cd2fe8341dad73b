// Finding and loading, with stand-ins for NVIDIA's libraries
// (tests/fixtures/cuda). What loads something runs in a process of its own,
// since nothing is unloaded.
#include "core/cuda/libraries.h"

#include "core/base/problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include <dlfcn.h>

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
