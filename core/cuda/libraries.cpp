// Nothing is ever unloaded.
#include "core/cuda/libraries.h"

#include "core/base/problems.h"
#include "core/cuda/driver.h"

#include <cstdlib>

#include <dlfcn.h>
#include <link.h>

namespace octet {

namespace fs = std::filesystem;

namespace {

constexpr const char* kTorchCuda = "torch/lib/libtorch_cuda.so";
constexpr const char* kCublas = "libcublas.so.13";
constexpr int kOldestMajor = 13, kOldestMinor = 10;
constexpr const char* kBring =
    "run tools/setup --cuda, or set run.device = \"cpu\"";

[[noreturn]] void refuse(const std::string& text) {
  throw Failure(ExitCode::resolution, "cuda", text);
}

std::string last_complaint() {
  const char* text = ::dlerror();
  return text == nullptr ? "no reason given" : text;
}

fs::path file_of(void* library) {
  link_map* entry = nullptr;
  return ::dlinfo(library, RTLD_DI_LINKMAP, &entry) == 0 && entry != nullptr
      ? fs::path(entry->l_name)
      : fs::path();
}

/// "major.minor.patch" as cublasGetProperty and cudnnGetProperty tell it.
std::string
version_by_property(void* library, const char* function, int (&parts)[3]) {
  using Property = int(int, int*);
  auto* const ask = reinterpret_cast<Property*>(::dlsym(library, function));
  std::string text;
  for (int part = 0; part < 3; ++part) {
    if (ask == nullptr || ask(part, &parts[part]) != 0) {
      return "";
    }
    text += (part > 0 ? "." : "") + std::to_string(parts[part]);
  }
  return text;
}

std::string runtime_version() {
  using Version = int(int*);
  auto* const ask = reinterpret_cast<Version*>(
      ::dlsym(RTLD_DEFAULT, "cudaRuntimeGetVersion"));
  int version = 0;
  return ask != nullptr && ask(&version) == 0 ? cuda_version_text(version) : "";
}

std::string cudnn_version() {
  void* library =
      ::dlopen("libcudnn.so.9", RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  int parts[3] = {};
  return library == nullptr
      ? ""
      : version_by_property(library, "cudnnGetProperty", parts);
}

/// @throws Failure unless it is new enough
std::string judged_version(void* cublas, bool was_there) {
  int parts[3] = {};
  const std::string version =
      version_by_property(cublas, "cublasGetProperty", parts);
  const bool fits = parts[0] > kOldestMajor ||
      (parts[0] == kOldestMajor && parts[1] >= kOldestMinor);
  if (!fits) {
    refuse(
        "expected cuBLAS 13.10 or newer, found " +
        (version.empty() ? "one that does not tell its version" : version) +
        (was_there ? ", which this process has loaded already" : "") + " (" +
        file_of(cublas).string() +
        "): one process holds one cuBLAS, and FP8 libraries need 13.10; " +
        (was_there ? "take it out of the loader's path (LD_LIBRARY_PATH), and "
                   : "") +
        kBring);
  }
  return version;
}

/// The missing file or symbol of dlerror's text, in the user's terms.
std::string explain(const std::string& complaint, const fs::path& file) {
  const std::string from = " (the loader says: " + complaint + ")";
  const std::string name = file.filename();
  const size_t missing = complaint.find(": cannot open shared object file");
  if (missing != std::string::npos) {
    const std::string needed = complaint.substr(0, missing);
    if (needed == "libcuda.so.1") {
      return name +
          " needs the NVIDIA driver's libcuda.so.1, and there is none; install "
          "the driver, or set run.device = \"cpu\"";
    }
    return name + " needs " + needed + ", which is not in " +
        file.parent_path().parent_path().parent_path().string() + "; " + kBring;
  }
  if (complaint.find("undefined symbol") != std::string::npos) {
    return name + " of " + file.parent_path().string() +
        " does not belong to LibTorch 2.13.0, which this program is built "
        "with; " +
        kBring + from;
  }
  return name + " cannot be loaded; " + kBring + from;
}

void* open_global(const fs::path& file) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    refuse(explain(last_complaint(), file));
  }
  return library;
}

} // namespace

fs::path setup_folder(const std::string& name) {
  const auto variable = [](const char* key) {
    const char* value = std::getenv(key);
    return std::string(value == nullptr ? "" : value);
  };
  std::string cache = variable("XDG_CACHE_HOME");
  if (cache.empty() || cache.front() != '/') {
    const std::string home = variable("HOME");
    cache = home.empty() ? "" : home + "/.cache";
  }
  return cache.empty() ? fs::path() : fs::path(cache) / "octet" / name;
}

CudaLibraries find_cuda_libraries(
    const fs::path& given,
    const fs::path& libtorch) {
  CudaLibraries found;
  if (!given.empty()) {
    found.searched = {fs::absolute(given).lexically_normal()};
  } else {
    for (const fs::path& folder :
         {libtorch, setup_folder("libtorch-cuda-2.13.0")}) {
      if (!folder.empty()) {
        found.searched.push_back(folder);
      }
    }
  }
  std::error_code error;
  for (const fs::path& folder : found.searched) {
    if (fs::is_regular_file(folder / kTorchCuda, error)) {
      found.folder = folder;
      break;
    }
  }
  return found;
}

std::string load_cublas(const fs::path& folder) {
  void* there = ::dlopen(kCublas, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  if (there != nullptr) {
    return judged_version(there, /*was_there=*/true);
  }
  const fs::path libraries = folder / "nvidia/cu13/lib";
  std::error_code error;
  if (!fs::exists(libraries / kCublas, error)) {
    refuse(
        "expected cuBLAS 13.10 or newer, found no " + std::string(kCublas) +
        " in " + libraries.string() + "; " + kBring);
  }
  // libcublas asks for libcublasLt by name: that of the same folder.
  if (fs::exists(libraries / "libcublasLt.so.13", error)) {
    open_global(libraries / "libcublasLt.so.13");
  }
  return judged_version(open_global(libraries / kCublas), /*was_there=*/false);
}

void point_to_cuda_headers(const fs::path& folder) {
  const fs::path home = folder / "nvidia/cu13";
  std::error_code error;
  if (fs::exists(home / "include/cuda_runtime.h", error)) {
    ::setenv(
        "NVTE_CUDA_INCLUDE_DIR", (home / "include").c_str(), /*overwrite=*/0);
    ::setenv("CUDA_HOME", home.c_str(), /*overwrite=*/0);
  }
}

CudaVersions load_torch_cuda(const fs::path& folder) {
  if (::dlopen("libtorch_cpu.so", RTLD_NOW | RTLD_NOLOAD) == nullptr) {
    throw Failure(
        ExitCode::failed,
        "cuda",
        "expected LibTorch in this process before its CUDA library, found "
        "none; this is a mistake in the program");
  }
  point_to_cuda_headers(folder);
  CudaVersions versions;
  versions.cublas = load_cublas(folder);
  open_global(folder / kTorchCuda);
  if (!cuda_driver().devices.empty()) {
    // LibTorch opens it by name, and would not look here.
    open_global(folder / "torch/lib/libcaffe2_nvrtc.so");
  }
  versions.runtime = runtime_version();
  versions.cudnn = cudnn_version();
  return versions;
}

} // namespace octet
