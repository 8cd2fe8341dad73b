// A loaded libtransformer_engine: found, judged, bound. Never unloaded.
#pragma once

#include "bindings.h"

#include <octet/error.h>

#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace octet::te {

/// Where to look; the defaults of a run are Search::usual().
struct Search {
  /// A file or a site-packages folder; nothing else is tried when given.
  std::string library;
  std::vector<std::filesystem::path> folders;
  /// Whether the dynamic loader's own path is tried last.
  bool loader_path = true;

  static Search usual(const std::string& library);
};

/// The file to load.
/// @throws Error that lists every place that was searched
std::filesystem::path find_library(const Search& search);

class Library {
 public:
  /// Loads a file once in a process; the second call returns the first's.
  /// NVIDIA libraries it needs are loaded globally before it, from beside it
  /// or, where one of that name is loaded already, that one.
  /// @throws Error naming the library, symbol or version that is wrong
  static std::shared_ptr<const Library> load(const std::filesystem::path& file);

  const std::filesystem::path& path() const {
    return path_;
  }
  /// "2.20.2", or what its symbols tell: "2.12 to 2.16".
  const std::string& version() const {
    return version_;
  }
  /// What the user should know about this version, or why it could not be read;
  /// mostly empty.
  const std::string& warning() const {
    return warning_;
  }
  /// Whether it has what MXFP8 needs (2.12 and newer).
  bool has_mxfp8() const {
    return functions_.set_tensor_param_v2 != nullptr &&
        functions_.swizzle_scaling_factors != nullptr;
  }
  const abi::Functions& functions() const {
    return functions_;
  }
  /// Any symbol, or null.
  void* symbol(const char* name) const;

  /// Calls a function; what it throws becomes an octet::Error with its text.
  template <typename Function, typename... Arguments>
  auto call(const char* name, Function function, Arguments... arguments) const {
    try {
      return function(arguments...);
    } catch (const std::exception& error) {
      refuse(name, error.what());
    } catch (...) {
      refuse(name, "an exception of unknown type");
    }
  }

 private:
  explicit Library(std::filesystem::path path) : path_(std::move(path)) {}
  void open();
  void bind();
  void judge_version();
  [[noreturn]] void refuse(const char* name, const std::string& what) const;

  std::filesystem::path path_;
  void* handle_ = nullptr;
  abi::Functions functions_;
  std::string version_, warning_;
};

} // namespace octet::te
