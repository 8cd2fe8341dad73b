// Loading goes tensor by tensor, so the file's form of a weight is never in
// memory beside that of another.
#include "core/model/base_weights.h"

#include "core/base/problems.h"

#include <ATen/ops/zeros_like.h>
#include <ATen/TensorOperators.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

namespace octet {
namespace {

/// Sorts "model.layers.10.x" behind "model.layers.9.x", the embedding first
/// and what follows the layers last.
std::tuple<int, int64_t, std::string> model_order(const std::string& name) {
  const std::string layers = "model.layers.";
  if (name.starts_with(layers)) {
    return {1, std::stoll(name.substr(layers.size())), name};
  }
  return {name.starts_with("model.embed_tokens") ? 0 : 2, 0, name};
}

} // namespace

BaseTensor::BaseTensor(
    std::string name,
    at::Tensor value,
    bool trained,
    bool decay)
    : trained_(trained) {
  parameter_.name = std::move(name);
  parameter_.master = std::move(value);
  parameter_.decay = decay;
}

at::Tensor BaseTensor::materialize(at::ScalarType dtype) const {
  // A frozen tensor is kept in one dtype; only a trained one is worth caching
  // in another.
  return trained_ ? parameter_.as(dtype) : parameter_.master.to(dtype);
}

int64_t BaseTensor::version() const {
  return parameter_.version;
}

at::Tensor BaseTensor::gradient() {
  if (!trained_) {
    return {};
  }
  if (!parameter_.grad.defined()) {
    parameter_.grad = at::zeros_like(parameter_.master);
  }
  return parameter_.grad;
}

BaseWeights::BaseWeights(
    const ModelSpec& spec,
    const WeightSet& weights,
    at::ScalarType dtype,
    bool trained,
    const at::Device& device) {
  const auto shapes = spec.tensors();
  for (const auto& [name, shape] : shapes) {
    names_.push_back(name);
  }
  std::sort(names_.begin(), names_.end(), [](const auto& a, const auto& b) {
    return model_order(a) < model_order(b);
  });
  Problems problems;
  for (const std::string& name : names_) {
    const std::vector<int64_t>& shape = shapes.at(name);
    at::Tensor value = weights.load(name, trained ? at::kFloat : dtype);
    if (value.sizes() != at::IntArrayRef(shape)) {
      problems.add(fmt::format(
          "{}: expected shape [{}], found [{}]",
          name,
          fmt::join(shape, ", "),
          fmt::join(value.sizes().vec(), ", ")));
      continue;
    }
    // Biases and norms are vectors: no weight decay, like transformers.
    const bool decay = shape.size() > 1;
    tensors_[name] =
        std::make_unique<BaseTensor>(name, value.to(device), trained, decay);
  }
  problems.raise(
      ExitCode::input, "model", "the weights do not fit the configuration");
}

BaseTensor& BaseWeights::at(const std::string& name) const {
  BaseTensor* tensor = find(name);
  if (tensor == nullptr) {
    throw Error(
        "model",
        "expected the tensor " + name + ", found none; the nearest is " +
            nearest_name(name, names_));
  }
  return *tensor;
}

BaseTensor* BaseWeights::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second.get();
}

} // namespace octet
