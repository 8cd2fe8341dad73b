// Random tensors, a weight that the checks may change, and distances.
#pragma once

#include <octet/tensors.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>

#include <string>

namespace octet::conformance {

/// Where the checks' tensors are: --device.
inline at::Device tested_device = at::kCPU;

/// fp32, normally distributed around 0, the same values on every device.
/// @param scale standard deviation
inline at::Tensor
random(at::IntArrayRef shape, uint64_t seed, double scale = 1) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return (at::randn(shape, generator, at::TensorOptions(at::kFloat)) * scale)
      .to(tested_device);
}

/// fp32 on the device.
inline at::Tensor zeros(at::IntArrayRef shape) {
  return at::zeros(shape, at::TensorOptions(at::kFloat).device(tested_device));
}

/// ||a - b|| / ||b|| in fp64; ||a|| where b is zero.
inline double relative_error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor expected = b.to(at::kDouble);
  const double norm = expected.norm().item<double>();
  const double distance = (a.to(at::kDouble) - expected).norm().item<double>();
  return norm > 0 ? distance / norm : distance;
}

inline double inner_product(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) * b.to(at::kDouble)).sum().item<double>();
}

inline bool all_finite(const at::Tensor& tensor) {
  return at::isfinite(tensor).all().item<bool>();
}

/// A dense weight, as the core stores one.
class TestWeight : public WeightSource {
 public:
  TestWeight(at::Tensor value, bool frozen)
      : value_(std::move(value)), frozen_(frozen) {}

  at::Tensor materialize(at::ScalarType dtype) const override {
    return value_.to(dtype);
  }
  int64_t version() const override {
    return version_;
  }
  bool frozen() const override {
    return frozen_;
  }
  void set(at::Tensor value) {
    value_ = std::move(value);
    ++version_;
  }
  const at::Tensor& value() const {
    return value_;
  }

 private:
  at::Tensor value_;
  bool frozen_;
  int64_t version_ = 1;
};

/// The state with tensors of its own, so that later steps leave it alone.
inline State copy_of(const State& state) {
  State copy;
  for (const auto& [name, tensor] : state) {
    copy.emplace_back(name, tensor.clone());
  }
  return copy;
}

/// The first difference of two states, or "".
inline std::string state_difference(const State& found, const State& expected) {
  if (found.size() != expected.size()) {
    return "expected " + std::to_string(expected.size()) +
        " tensors of state, found " + std::to_string(found.size());
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& [name, tensor] = expected[i];
    if (found[i].first != name) {
      return "expected state " + name + ", found " + found[i].first;
    }
    if (!at::equal(found[i].second, tensor)) {
      return "state " + name + " has other values";
    }
  }
  return "";
}

} // namespace octet::conformance
