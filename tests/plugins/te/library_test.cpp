// Finding and loading: what is wrong is said with the library, the symbol or
// the version.
#include "plugins/te/elf_needed.h"
#include "plugins/te/load_errors.h"
#include "plugins/te/places.h"
#include "tests/plugins/te/te_fixture.h"

#include <gmock/gmock.h>

#include <fstream>

#include <unistd.h>

namespace octet {
namespace {

using namespace te_testing;
namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

fs::path broken(const std::string& name) {
  return library_folder() / name / "libtransformer_engine.so";
}

std::string load(const fs::path& file) {
  return message_of([&] { te::Library::load(file); });
}

TEST(TeLibrary, TooOldCublasIsNamedWithItsSymbolAndVersion) {
  EXPECT_THAT(
      load(broken("old_cublas")),
      AllOf(
          HasSubstr("cublasLtGroupedMatrixLayoutInit_internal"),
          HasSubstr("nvidia-cublas >= 13.10"),
          HasSubstr(broken("old_cublas").string())));
}

TEST(TeLibrary, MissingNvrtcIsNamed) {
  EXPECT_THAT(
      load(broken("without_nvrtc")),
      AllOf(
          HasSubstr("nvrtcGetCUBINSize"),
          HasSubstr("nvidia-cuda-nvrtc"),
          HasSubstr("must be loaded first")));
}

TEST(TeLibrary, VersionsBefore24AreRefused) {
  EXPECT_THAT(
      load(broken("before_2_4")),
      AllOf(HasSubstr("2.4 to 2.20"), HasSubstr("nvte_make_shape")));
}

TEST(TeLibrary, AnotherLibraryIsRefused) {
  EXPECT_THAT(load(broken("another_library")), HasSubstr("nvte_create_tensor"));
}

TEST(TeLibrary, EveryMissingFunctionIsListed) {
  EXPECT_THAT(
      load(broken("without_gemm")),
      AllOf(HasSubstr("nvte_compute_amax"), HasSubstr("nvte_cublas_gemm")));
}

TEST(TeLibrary, VersionsThatLinkTheDriverSaySo) {
  EXPECT_THAT(
      load(broken("needs_libcuda")),
      AllOf(HasSubstr("libcuda.so.1"), HasSubstr("at least 2.19")));
}

TEST(TeLibrary, ACompanionThatLinksTheDriverIsNamed) {
  EXPECT_THAT(
      load(broken("cudnn_needs_libcuda")),
      HasSubstr("libcudnn_engines_runtime_compiled.so.9 links the NVIDIA "
                "driver's libcuda.so.1, and there is none here; install the "
                "driver, or an older nvidia-cudnn-cu13"));
}

TEST(TeLibrary, MessagesNameThePackageOfALibraryThatIsAbsent) {
  EXPECT_THAT(
      te::explain_load_failure(
          "libcudnn.so.9: cannot open shared object file: No such file",
          "/x/libtransformer_engine.so"),
      HasSubstr("Transformer Engine needs libcudnn.so.9, which is not there; "
                "install nvidia-cudnn-cu13 beside it"));
  EXPECT_THAT(
      te::explain_load_failure(
          "/x/libtransformer_engine.so: undefined symbol: cudaFoo, version X",
          "/x/libtransformer_engine.so"),
      AllOf(HasSubstr("cudaFoo is missing"), HasSubstr("nvidia-cuda-runtime")));
  EXPECT_THAT(
      te::explain_load_failure("file too short", "/x"),
      HasSubstr("file too short"));
}

TEST(TeLibrary, NeededLibrariesAreReadWithoutLoading) {
  EXPECT_THAT(
      te::needed_libraries(broken("needs_libcuda")), Contains("libcuda.so.1"));
  EXPECT_THAT(
      te::needed_libraries(library_folder() / "libtransformer_engine.so"),
      Contains("libtorch_cpu.so"));
}

class TePlaces : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() / ("octet_te_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override {
    fs::remove_all(folder_);
  }
  /// An empty file with its folders.
  fs::path touch(const std::string& name) const {
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "";
    return file;
  }
  te::Search only(const std::vector<std::string>& sites) const {
    te::Search search;
    search.loader_path = false;
    for (const std::string& name : sites) {
      search.folders.push_back(folder_ / name);
    }
    return search;
  }
  fs::path folder_;
};

TEST_F(TePlaces, DamagedFilesAreRefusedBeforeTheyAreLoaded) {
  const fs::path file = touch("libtransformer_engine.so");
  EXPECT_THAT(load(file), HasSubstr("truncated"));
  std::ofstream(file) << std::string(4096, 'x');
  EXPECT_THAT(load(file), HasSubstr("another kind of file"));
  // The start of a real one.
  std::ifstream whole(
      library_folder() / "libtransformer_engine.so", std::ios::binary);
  std::string head(2048, '\0');
  whole.read(head.data(), 2048);
  std::ofstream(file, std::ios::binary) << head;
  EXPECT_THAT(load(file), HasSubstr("truncated"));
}

TEST_F(TePlaces, TheFirstFolderThatHasTheLibraryWins) {
  touch("b/transformer_engine/wheel_lib/libtransformer_engine.so");
  touch("c/transformer_engine/libtransformer_engine.so");
  EXPECT_EQ(
      te::find_library(only({"a", "b", "c"})),
      folder_ / "b/transformer_engine/wheel_lib/libtransformer_engine.so");
  EXPECT_EQ(
      te::find_library(only({"c", "b"})),
      folder_ / "c/transformer_engine/libtransformer_engine.so");
}

TEST_F(TePlaces, AbsenceListsEveryPlaceAndThePackage) {
  EXPECT_THAT(
      message_of([&] {
        te::find_library(only({"a", "b"}));
      }),
      AllOf(
          HasSubstr("not installed"),
          HasSubstr("transformer-engine-cu13"),
          HasSubstr((folder_ / "a").string()),
          HasSubstr((folder_ / "b").string())));
}

TEST_F(TePlaces, AGivenPathIsNeverReplacedByAnother) {
  te::Search search = only({"b"});
  const fs::path there =
      touch("b/transformer_engine/wheel_lib/libtransformer_engine.so");
  search.library = (folder_ / "nowhere").string();
  EXPECT_THAT(
      message_of([&] { te::find_library(search); }),
      AllOf(
          HasSubstr("precision.te.library"),
          HasSubstr("nothing there"),
          Not(HasSubstr("wheel_lib"))));
  fs::create_directories(folder_ / "empty");
  search.library = (folder_ / "empty").string();
  EXPECT_THAT(
      message_of([&] { te::find_library(search); }),
      HasSubstr("a folder without it"));
  search.library = (folder_ / "b").string();
  EXPECT_EQ(te::find_library(search), there);
  search.library = there.string();
  EXPECT_EQ(te::find_library(search), there);
}

TEST_F(TePlaces, TheWheelsVersionAndCompanionsAreFoundBesideIt) {
  const fs::path file =
      touch("site/transformer_engine/wheel_lib/libtransformer_engine.so");
  EXPECT_EQ(te::wheel_version(file), "");
  touch("site/transformer_engine_cu13-2.20.2.dist-info/METADATA");
  touch("site/nvidia/cu13/lib/libcublas.so.13");
  touch("site/nvidia/cudnn/lib/libcudnn.so.9");
  EXPECT_EQ(te::wheel_version(file), "2.20.2");
  EXPECT_EQ(
      te::companion_folders(file),
      (std::vector<fs::path>{
          file.parent_path(),
          folder_ / "site/nvidia/cu13/lib",
          folder_ / "site/nvidia/cudnn/lib"}));
}

TEST_F(TePlaces, AVersionThatIsNotSupportedIsRefusedByItsWheelsName) {
  const fs::path file =
      folder_ / "site/transformer_engine/wheel_lib/libtransformer_engine.so";
  fs::create_directories(file.parent_path());
  fs::create_symlink(library_folder() / "libtransformer_engine.so", file);
  const fs::path info = folder_ / "site/transformer_engine_cu13-";
  const auto with_version = [&](const std::string& version) {
    const fs::path wheel = info.string() + version + ".dist-info";
    fs::create_directory(wheel);
    const std::string message = load(file);
    fs::remove(wheel);
    return message;
  };
  EXPECT_THAT(
      with_version("2.21.0"),
      AllOf(
          HasSubstr("expected Transformer Engine 2.4 to 2.20, found 2.21.0"),
          HasSubstr(file.string()),
          HasSubstr("install transformer-engine-cu13==2.20.2")));
  EXPECT_THAT(with_version("3.0.0"), HasSubstr("2.20, found 3.0.0"));
  EXPECT_THAT(with_version("2.3.0"), HasSubstr("2.20, found 2.3.0"));
  EXPECT_THAT(with_version("1.20.0"), HasSubstr("2.20, found 1.20.0"));
  // A build from source leaves another name.
  const fs::path source =
      folder_ / "site/transformer_engine-2.21.0+abc.dist-info";
  fs::create_directory(source);
  EXPECT_THAT(load(file), HasSubstr("2.20, found 2.21.0+abc"));
  fs::remove(source);
  EXPECT_EQ(with_version("2.20.9"), "no error");
}

TEST_F(TePlaces, TheActiveEnvironmentIsSearchedFirst) {
  fs::create_directories(folder_ / "lib/python3.9/site-packages");
  fs::create_directories(folder_ / "lib/python3.12/site-packages");
  const char* before = std::getenv("VIRTUAL_ENV");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("VIRTUAL_ENV", folder_.c_str(), 1);
  const std::vector<fs::path> folders = te::site_package_folders();
  if (before == nullptr) {
    ::unsetenv("VIRTUAL_ENV");
  } else {
    ::setenv("VIRTUAL_ENV", kept.c_str(), 1);
  }
  ASSERT_GE(folders.size(), 2u);
  EXPECT_EQ(folders[0], folder_ / "lib/python3.12/site-packages");
  EXPECT_EQ(folders[1], folder_ / "lib/python3.9/site-packages");
}

TEST(TeLibrary, SymbolsTellTheVersionWhereNoWheelDoes) {
  EXPECT_EQ(reference()->version(), "2.12 to 2.16");
  EXPECT_EQ(reference()->warning(), "");
}

TEST(TeLibrary, ANewVersionThatCannotBeReadIsTakenWithAWarning) {
  const auto library = te::Library::load(broken("without_a_version"));
  EXPECT_EQ(library->version(), "2.17 or newer");
  EXPECT_THAT(
      library->warning(),
      AllOf(
          HasSubstr("the version could not be read"),
          HasSubstr("versions after 2.20 are not supported"),
          Not(HasSubstr("driver"))));
}

} // namespace
} // namespace octet
