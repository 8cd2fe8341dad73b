// What the tests of the guards share.
#pragma once

#include "core/model/guarded.h"
#include "core/plugin/plugin_call.h"

#include <ATen/ops/ones.h>

#include <functional>
#include <stdexcept>
#include <string>

namespace octet::guarding {

inline const Site kSite = {
    "model.layers.1.mlp.up_proj",
    SiteKind::linear,
    "up_proj",
    "model.layers.1.mlp.gate_up",
    1,
    4,
    3,
    false,
    "model.layers.1.mlp.up_proj.weight"};

inline std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline ExitCode code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return ExitCode::success;
}

[[noreturn]] inline void stumble() {
  throw std::runtime_error("stumbled");
}

class PlainWeight : public WeightSource {
 public:
  at::Tensor materialize(at::ScalarType dtype) const override {
    return at::ones({3, 4}, dtype);
  }
  int64_t version() const override {
    return 0;
  }
  bool frozen() const override {
    return true;
  }
};

} // namespace octet::guarding
