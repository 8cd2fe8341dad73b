// By its absolute path: a library of that name elsewhere must not take its
// place.
#define BOOST_DLL_USE_STD_FS
#include "tools/trainer/training_library.h"

#include "core/base/problems.h"

#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/dll/shared_library.hpp>

#include <cstdlib>
#include <filesystem>

namespace octet {

const TrainLibrary& training_library() {
  namespace dll = boost::dll;
  // oneDNN keeps a compiled kernel of a megabyte or two for each shape it met,
  // 1,024 of them unless told otherwise: a step uses far fewer, and a run's
  // memory would grow for hours. It reads this once, when LibTorch starts.
  ::setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128", /*overwrite=*/0);
  // Leaked: LibTorch must never be unloaded while its threads live.
  static const dll::shared_library* library = [] {
    const std::filesystem::path program =
        std::filesystem::canonical("/proc/self/exe");
    const std::filesystem::path file =
        (program.parent_path() / "../lib/octet/liboctet_train.so")
            .lexically_normal();
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
      throw Failure(
          ExitCode::failed,
          "trainer",
          "expected the training library " + file.string() +
              ", found no such file; build or install all of Octet");
    }
    auto opened = std::make_unique<dll::shared_library>();
    try {
      opened->load(file.string(), dll::load_mode::rtld_now);
      opened->get<const TrainLibrary>("octet_train_library");
    } catch (const std::exception& failure) {
      throw Failure(
          ExitCode::failed,
          "trainer",
          "cannot open the training library " + file.string() + ": " +
              failure.what());
    }
    return opened.release();
  }();
  return library->get<const TrainLibrary>("octet_train_library");
}

} // namespace octet
