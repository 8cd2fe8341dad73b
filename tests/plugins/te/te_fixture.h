// What the tests of the te plugin share: the reference library, options,
// machines and weights.
#pragma once

#include "plugins/te/backend.h"
#include "tests/fixtures/te_reference/calls.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace octet::te_testing {

inline std::filesystem::path library_folder() {
  return std::filesystem::path(OCTET_BINARY_DIR) / "tests/te";
}

/// The reference library as it stands.
inline std::shared_ptr<const te::Library> loaded_reference() {
  return te::Library::load(library_folder() / "libtransformer_engine.so");
}

/// The reference library, set to one kind of GPU.
/// @param any_layout whether FP8 operands are read in any order
inline std::shared_ptr<const te::Library> reference(bool any_layout = false) {
  auto library = loaded_reference();
  reinterpret_cast<void (*)(int)>(
      library->symbol("te_reference_set_any_layout"))(any_layout ? 1 : 0);
  return library;
}

/// What the reference library was asked for since the last call of this.
inline std::vector<te_reference::Call> calls() {
  const auto take = reinterpret_cast<te_reference::Calls (*)()>(
      loaded_reference()->symbol("te_reference_calls"));
  const te_reference::Calls taken = take();
  return {taken.items, taken.items + taken.count};
}

inline size_t count(
    const std::vector<te_reference::Call>& calls,
    te_reference::Call::Kind kind) {
  size_t found = 0;
  for (const auto& call : calls) {
    found += call.kind == kind ? 1 : 0;
  }
  return found;
}

/// Options as the host hands them over: the manifest's defaults, some changed.
class OptionList {
 public:
  OptionList() {
    set("library", (library_folder() / "libtransformer_engine.so").string());
    set("recipe", "delayed");
    set("format", "auto");
    set("amax_history_len", 16);
    set("amax_compute_algo", "max");
    set("margin", 0);
  }

  OptionList& set(const std::string& key, const std::string& value) {
    texts_[key] = value;
    return *this;
  }
  OptionList& set(const std::string& key, int64_t value) {
    numbers_[key] = value;
    return *this;
  }

  const OctetOptions* get() {
    items_.clear();
    for (const auto& [key, value] : texts_) {
      OctetOption item{};
      item.key = key.c_str();
      item.type = OCTET_OPTION_STRING;
      item.string = value.c_str();
      items_.push_back(item);
    }
    for (const auto& [key, value] : numbers_) {
      OctetOption item{};
      item.key = key.c_str();
      item.type = OCTET_OPTION_INTEGER;
      item.integer = value;
      items_.push_back(item);
    }
    options_ = {
        sizeof(OctetOptions),
        static_cast<uint32_t>(items_.size()),
        items_.data()};
    return &options_;
  }

 private:
  std::map<std::string, std::string> texts_;
  std::map<std::string, int64_t> numbers_;
  std::vector<OctetOption> items_;
  OctetOptions options_{};
};

inline OctetHost machine(uint32_t capability = 90) {
  OctetHost host{};
  host.struct_size = sizeof(OctetHost);
  host.cuda_device_count = 1;
  host.cuda_capability = capability;
  return host;
}

inline std::unique_ptr<te::Backend> make_backend(
    OptionList options = {},
    uint32_t capability = 90) {
  return std::make_unique<te::Backend>(
      reference(), te::read_settings(Options(options.get())), capability);
}

inline Site site(
    const std::string& name,
    int64_t in_features,
    int64_t out_features,
    const std::string& group = "") {
  Site made;
  made.name = name;
  made.group = group;
  made.in_features = in_features;
  made.out_features = out_features;
  return made;
}

/// The layer behind a Gemm, for its counters.
inline te::Linear& linear(Gemm& gemm) {
  return dynamic_cast<te::Linear&>(gemm);
}

inline at::Tensor random(at::IntArrayRef shape, uint64_t seed) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, at::TensorOptions(at::kFloat));
}

class Weight : public WeightSource {
 public:
  explicit Weight(at::Tensor value, bool is_frozen = false)
      : value_(std::move(value)), frozen_(is_frozen) {}

  at::Tensor materialize(at::ScalarType dtype) const override {
    return value_.to(dtype);
  }
  int64_t version() const override {
    return version_;
  }
  bool frozen() const override {
    return frozen_;
  }
  void change(at::Tensor value) {
    value_ = std::move(value);
    ++version_;
  }

 private:
  at::Tensor value_;
  bool frozen_;
  int64_t version_ = 0;
};

inline StepContext training(int64_t step = 1, int64_t microbatch = 0) {
  StepContext context;
  context.step = step;
  context.microbatch = microbatch;
  context.first_microbatch = microbatch == 0;
  context.training = true;
  return context;
}

/// The message of the Error that a body throws.
inline std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline std::map<std::string, at::Tensor> by_name(const State& state) {
  return {state.begin(), state.end()};
}

} // namespace octet::te_testing
