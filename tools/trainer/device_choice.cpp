// Reads the training library's RUNPATH to find LibTorch; loads nothing of it.
#include "tools/trainer/device_choice.h"

#include "core/plugin/catalog.h"
#include "core/plugin/library_needs.h"
#include "core/plugin/loaded_plugin.h"

namespace octet {

namespace fs = std::filesystem;

fs::path libtorch_folder() {
  std::error_code error;
  const fs::path library = training_library_file();
  if (!fs::exists(library, error)) {
    return {};
  }
  const LibraryNeeds needs = read_library_needs(library);
  std::vector<std::string> folders = needs.runpath;
  folders.insert(folders.end(), needs.rpath.begin(), needs.rpath.end());
  for (const fs::path folder : folders) {
    if (fs::exists(folder / "libtorch_cpu.so", error)) {
      // .../torch/lib
      return folder.lexically_normal().parent_path().parent_path();
    }
  }
  return {};
}

RunDevice device_of_run(const RunConfig& config) {
  const auto place = config.places.find("run.device");
  RunDevice device = choose_device(
      config.run.device,
      place == config.places.end() ? "" : place->second.text(),
      cuda_driver(),
      find_cuda_libraries(config.run.cuda_libraries, libtorch_folder()));
  use_host_device(device.cuda ? device.facts.index : -1);
  if (device.cuda) {
    load_cublas(device.libraries);
  }
  return device;
}

} // namespace octet
