// The known ways in which loading or a call fails. Versions: Transformer
// Engine 2.20 calls functions that cuBLAS has since 13.10, and it uses NVRTC
// without linking it.
#include "load_errors.h"

#include <array>
#include <utility>

namespace octet::te {
namespace {

using Pair = std::pair<const char*, const char*>;

constexpr std::array<Pair, 6> kPackages = {{
    {"libcublas", "nvidia-cublas"},
    {"libcudart", "nvidia-cuda-runtime"},
    {"libcudnn", "nvidia-cudnn-cu13"},
    {"libnvrtc", "nvidia-cuda-nvrtc"},
    {"libnccl", "nvidia-nccl-cu13"},
    {"libcurand", "nvidia-curand"},
}};

bool starts_with_any(
    const std::string& text,
    std::initializer_list<const char*> prefixes) {
  for (const char* prefix : prefixes) {
    if (text.rfind(prefix, 0) == 0) {
      return true;
    }
  }
  return false;
}

/// Who has the symbol, and what to install.
std::string advice_for_symbol(const std::string& symbol) {
  if (starts_with_any(symbol, {"cublas"})) {
    return "the cuBLAS in this process is too old for it; install "
           "nvidia-cublas >= 13.10 beside it (one process holds one cuBLAS, so "
           "it must be the first one loaded)";
  }
  if (starts_with_any(symbol, {"nvrtc"})) {
    return "Transformer Engine uses NVRTC without linking it, so libnvrtc must "
           "be loaded first; install nvidia-cuda-nvrtc of the same CUDA "
           "version beside it";
  }
  if (starts_with_any(symbol, {"cudnn"})) {
    return "the cuDNN in this process is too old for it; install "
           "nvidia-cudnn-cu13 as new as your transformer-engine-cu13 asks for";
  }
  if (starts_with_any(symbol, {"nccl"})) {
    return "the NCCL in this process is too old for it; install "
           "nvidia-nccl-cu13 >= 2.30.4";
  }
  if (starts_with_any(symbol, {"cuda", "__cuda"})) {
    return "the CUDA runtime in this process is too old for it; install "
           "nvidia-cuda-runtime >= 13.0 beside it";
  }
  if (starts_with_any(symbol, {"cu"})) {
    return "this version links the NVIDIA driver, and the driver here lacks "
           "the symbol; update the driver";
  }
  return "it does not fit the libraries of this process; install a "
         "transformer-engine-cu13 between 2.4 and 2.20";
}

} // namespace

std::string advice_for_call(const std::string& what) {
  if (what.find("driver version is insufficient") != std::string::npos) {
    return "; install an NVIDIA driver that is new enough for this CUDA "
           "(trainer doctor shows both)";
  }
  if (what.find("cuda_runtime.h") != std::string::npos) {
    return " (the headers of the CUDA version that trainer doctor shows; the "
           "package nvidia-cuda-runtime has them in nvidia/cu13/include)";
  }
  return "";
}

std::string word_after(const std::string& text, const std::string& marker) {
  const size_t found = text.find(marker);
  if (found == std::string::npos) {
    return "";
  }
  const size_t begin = found + marker.size();
  const size_t end = text.find_first_of(" ,:;\n", begin);
  return text.substr(begin, end - begin);
}

std::string package_of(const std::string& soname) {
  for (const auto& [prefix, package] : kPackages) {
    if (soname.rfind(prefix, 0) == 0) {
      return package;
    }
  }
  return "";
}

std::string explain_load_failure(
    const std::string& complaint,
    const std::string& library) {
  const std::string from =
      " (" + library + "; the loader says: " + complaint + ")";
  const std::string symbol = word_after(complaint, "undefined symbol: ");
  if (!symbol.empty()) {
    return "Transformer Engine cannot be loaded, the symbol " + symbol +
        " is missing: " + advice_for_symbol(symbol) + from;
  }
  const size_t missing = complaint.find(": cannot open shared object file");
  if (missing != std::string::npos) {
    const size_t space = complaint.find_last_of(" \n", missing);
    const size_t begin = space == std::string::npos ? 0 : space + 1;
    const std::string name = complaint.substr(begin, missing - begin);
    if (name == "libcuda.so.1") {
      return "Transformer Engine 2.17 and 2.18 link the NVIDIA driver's "
             "libcuda.so.1, and there is none here; install the driver, or a "
             "transformer-engine-cu13 of at most 2.16 or at least 2.19" +
          from;
    }
    const std::string package = package_of(name);
    return "Transformer Engine needs " + name + ", which is not there; " +
        (package.empty() ? "install what holds it"
                         : "install " + package + " beside it") +
        from;
  }
  return "Transformer Engine cannot be loaded; install "
         "transformer-engine-cu13 again" +
      from;
}

} // namespace octet::te
