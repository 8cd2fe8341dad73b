// Loading goes by what the file itself asks for: its DT_NEEDED names are
// opened globally first, then NVRTC of the same CUDA version, which it uses
// without linking it, then the library. Global, because it looks the CUDA
// runtime up in the global scope.
#include "library.h"

#include "elf_needed.h"
#include "load_errors.h"
#include "places.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdio>
#include <map>
#include <mutex>

namespace octet::te {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "libtransformer_engine.so";
constexpr int kMajor = 2, kOldestMinor = 4, kNewestMinor = 20;

std::string last_complaint() {
  const char* text = ::dlerror();
  return text == nullptr ? "" : text;
}

/// Opens NVIDIA's libraries by name, from given folders or the loader's path.
class Companions {
 public:
  explicit Companions(const fs::path& library)
      : library_(library), folders_(companion_folders(library)) {}

  /// One that a process has already must not come a second time: two cuBLAS
  /// of one name would share symbols by chance.
  void open(const std::string& name, int depth = 0) {
    if (::dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL) !=
        nullptr) {
      return;
    }
    const std::string file = locate(name);
    if (::dlopen(file.c_str(), RTLD_LAZY | RTLD_GLOBAL) != nullptr) {
      return;
    }
    const std::string complaint = last_complaint();
    const std::string missing = missing_file(complaint);
    // It needs another one, which may lie in another wheel's folder.
    if (!missing.empty() && missing != name && locate(missing) != missing &&
        depth < 16) {
      open(missing, depth + 1);
      open(name, depth + 1);
      return;
    }
    if (missing == "libcuda.so.1") {
      throw Error(
          "te",
          name +
              " links the NVIDIA driver's libcuda.so.1, and there is none "
              "here; install the driver, or an older " +
              package_of(name) + " (" + file + ")");
    }
    throw Error("te", explain_load_failure(complaint, library_.string()));
  }

 private:
  static std::string missing_file(const std::string& complaint) {
    const size_t end = complaint.find(": cannot open shared object file");
    return end == std::string::npos ? "" : complaint.substr(0, end);
  }

  std::string locate(const std::string& name) const {
    std::error_code error;
    for (const fs::path& folder : folders_) {
      if (fs::exists(folder / name, error)) {
        return folder / name;
      }
    }
    return name;
  }

  fs::path library_;
  std::vector<fs::path> folders_;
};

bool is_nvidia(const std::string& name) {
  return !package_of(name).empty();
}

void open_companions(const fs::path& library) {
  Companions companions(library);
  std::string cuda_major;
  for (const std::string& name : needed_libraries(library)) {
    if (!is_nvidia(name)) {
      continue;
    }
    companions.open(name);
    if (name.rfind("libcudart.so.", 0) == 0) {
      cuda_major = name.substr(name.rfind('.') + 1);
    }
  }
  if (!cuda_major.empty()) {
    companions.open("libnvrtc.so." + cuda_major);
  }
}

/// The file that the dynamic loader finds by name; empty when it knows none.
/// It stays loaded, as it is what the run will use.
fs::path known_to_loader() {
  void* handle = ::dlopen(kName, RTLD_LAZY | RTLD_LOCAL);
  std::string complaint = handle == nullptr ? last_complaint() : "";
  if (complaint.find("undefined symbol: nvrtc") != std::string::npos) {
    for (const char* nvrtc : {"libnvrtc.so.13", "libnvrtc.so.12"}) {
      if (::dlopen(nvrtc, RTLD_LAZY | RTLD_GLOBAL) != nullptr) {
        break;
      }
    }
    handle = ::dlopen(kName, RTLD_LAZY | RTLD_LOCAL);
    complaint = handle == nullptr ? last_complaint() : "";
  }
  if (handle == nullptr) {
    // Found but broken is another mistake than absent.
    if (complaint.rfind(kName + std::string(": cannot open"), 0) != 0) {
      throw Error("te", explain_load_failure(complaint, kName));
    }
    return {};
  }
  link_map* entry = nullptr;
  return ::dlinfo(handle, RTLD_DI_LINKMAP, &entry) == 0 && entry != nullptr
      ? fs::path(entry->l_name)
      : fs::path(kName);
}

/// Refuses a wheel of another version than 2.4 to 2.20 before anything of it is
/// called: a newer one may have the same symbols and mean something else.
void refuse_other_versions(const fs::path& library) {
  const std::string version = wheel_version(library);
  int major = 0, minor = 0;
  // What is no number is judged by the symbols, as no version at all.
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) != 2 ||
      (major == kMajor && minor >= kOldestMinor && minor <= kNewestMinor)) {
    return;
  }
  throw Error(
      "te",
      "expected Transformer Engine 2.4 to 2.20, found " + version + " (" +
          library.string() +
          "); install transformer-engine-cu13==2.20.2, or give the path of one "
          "in precision.te.library");
}

template <typename Function>
bool find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

} // namespace

Search Search::usual(const std::string& library) {
  return {library, site_package_folders(), /*loader_path=*/true};
}

fs::path find_library(const Search& search) {
  std::error_code error;
  if (!search.library.empty()) {
    const fs::path given = search.library;
    if (fs::is_regular_file(given, error)) {
      return fs::absolute(given);
    }
    if (const fs::path inside = library_in(given); !inside.empty()) {
      return fs::absolute(inside);
    }
    throw Error(
        "te",
        "expected " + std::string(kName) +
            " or a site-packages folder that holds it in "
            "precision.te.library, found " +
            (fs::exists(given, error) ? "a folder without it"
                                      : "nothing there") +
            " (" + search.library + "); correct the path, or remove the key");
  }
  std::string places;
  const auto add_place = [&](const std::string& place) {
    places += (places.empty() ? "" : ", ") + place;
  };
  for (const fs::path& folder : search.folders) {
    if (const fs::path inside = library_in(folder); !inside.empty()) {
      return inside;
    }
    add_place(folder.string());
  }
  if (search.loader_path) {
    if (const fs::path known = known_to_loader(); !known.empty()) {
      return known;
    }
    add_place("the loader's path");
  }
  throw Error(
      "te",
      "Transformer Engine is not installed: no " + std::string(kName) +
          " was found; install the PyPI package transformer-engine-cu13, or "
          "give its path in precision.te.library (searched: " +
          places + ")");
}

std::shared_ptr<const Library> Library::load(const fs::path& file) {
  // Leaked, as the library itself.
  static auto& guard = *new std::mutex;
  static auto& loaded = *new std::map<fs::path, std::shared_ptr<const Library>>;
  const std::lock_guard<std::mutex> lock(guard);
  std::shared_ptr<const Library>& entry = loaded[file];
  if (entry == nullptr) {
    refuse_other_versions(file);
    std::shared_ptr<Library> library(new Library(file));
    library->open();
    library->bind();
    library->judge_version();
    entry = std::move(library);
  }
  return entry;
}

void Library::open() {
  open_companions(path_);
  // All symbols now: one that is missing should end here, not in a step.
  handle_ = ::dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    throw Error("te", explain_load_failure(last_complaint(), path_.string()));
  }
}

void Library::bind() {
  if (symbol("nvte_make_shape") == nullptr) {
    throw Error(
        "te",
        symbol("nvte_create_tensor") == nullptr
            ? "expected Transformer Engine, found a library without "
              "nvte_create_tensor (" +
                path_.string() + "); correct precision.te.library"
            : "expected Transformer Engine 2.4 to 2.20, found an older one: "
              "nvte_make_shape is missing (" +
                path_.string() + "); install transformer-engine-cu13 2.20");
  }
  std::string missing;
  const auto need = [&](const char* name, auto& function) {
    if (!find(handle_, name, function)) {
      missing += (missing.empty() ? "" : ", ") + std::string(name);
    }
  };
  need("nvte_create_tensor", functions_.create_tensor);
  need("nvte_destroy_tensor", functions_.destroy_tensor);
  need("nvte_set_tensor_param", functions_.set_tensor_param);
  need(
      "nvte_create_quantization_config", functions_.create_quantization_config);
  need(
      "nvte_set_quantization_config_attribute",
      functions_.set_quantization_config_attribute);
  need(
      "nvte_destroy_quantization_config",
      functions_.destroy_quantization_config);
  need("nvte_quantize_v2", functions_.quantize_v2);
  need("nvte_compute_amax", functions_.compute_amax);
  need("nvte_compute_scale_from_amax", functions_.compute_scale_from_amax);
  need("nvte_cublas_gemm", functions_.cublas_gemm);
  need(
      "nvte_delayed_scaling_recipe_amax_and_scale_update",
      functions_.delayed_scaling_update);
  need(
      "nvte_is_non_tn_fp8_gemm_supported",
      functions_.is_non_tn_fp8_gemm_supported);
  if (!missing.empty()) {
    throw Error(
        "te",
        "expected Transformer Engine 2.4 to 2.20, found one without " +
            missing + " (" + path_.string() +
            "); install transformer-engine-cu13 2.20");
  }
  find(handle_, "nvte_set_tensor_param_v2", functions_.set_tensor_param_v2);
  find(
      handle_,
      "nvte_swizzle_scaling_factors",
      functions_.swizzle_scaling_factors);
}

/// The library cannot be asked for its version: the wheel's folder or the
/// functions that came with one tell it.
void Library::judge_version() {
  version_ = wheel_version(path_);
  const bool has_batches = symbol("nvte_create_tensors") != nullptr;
  if (version_.empty()) {
    version_ = has_batches                              ? "2.17 or newer"
        : symbol("nvte_set_tensor_param_v2") != nullptr ? "2.12 to 2.16"
        : symbol("nvte_cublas_gemm_v2") != nullptr      ? "2.8 to 2.11"
                                                        : "2.4 to 2.7";
    if (has_batches) {
      warning_ =
          "the version could not be read, no transformer_engine*.dist-info is "
          "in its site-packages; versions after 2.20 are not supported";
    }
  }
  if (version_.rfind("2.17.", 0) == 0 || version_.rfind("2.18.", 0) == 0) {
    warning_ =
        "versions 2.17 and 2.18 link the NVIDIA driver and NCCL "
        "directly and do not load without them; 2.19 and newer do";
  }
}

void* Library::symbol(const char* name) const {
  return ::dlsym(handle_, name);
}

void Library::refuse(const char* name, const std::string& what) const {
  throw Error(
      "te",
      std::string(name) + " of Transformer Engine " + version_ +
          " failed: " + what + advice_for_call(what));
}

} // namespace octet::te
