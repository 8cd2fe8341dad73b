// A small random decoder for tests: weights from a seed, packed batches, and
// an in-memory WeightSet.
#pragma once

#include "core/model/decoder.h"
#include "core/model/weight_set.h"

#include <octet/error.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/TensorOperators.h>

#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace octet::testing {

class MemoryWeights : public WeightSet {
 public:
  std::map<std::string, at::Tensor> tensors;

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors) {
      names.push_back(name);
    }
    return names;
  }
  at::Tensor load(const std::string& name, at::ScalarType dtype)
      const override {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      throw Error("weights", "no tensor " + name);
    }
    return found->second.to(dtype, false, /*copy=*/true).contiguous();
  }
};

inline ModelSpec tiny_spec() {
  ModelSpec spec;
  spec.architecture = "LlamaForCausalLM";
  spec.model_type = "llama";
  spec.vocab_size = 96;
  spec.hidden_size = 32;
  spec.intermediate_size = 48;
  spec.layers = 2;
  spec.heads = 4;
  spec.kv_heads = 2;
  spec.head_size = 8;
  spec.max_positions = 128;
  spec.rms_norm_eps = 1e-5;
  spec.windows = {0, 0};
  return spec;
}

inline at::Tensor
random(at::IntArrayRef shape, uint64_t seed, double scale = 1) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, at::TensorOptions(at::kFloat)) * scale;
}

/// Weights of a size at which every path matters for the loss.
inline MemoryWeights random_weights(const ModelSpec& spec, uint64_t seed) {
  MemoryWeights weights;
  for (const auto& [name, shape] : spec.tensors()) {
    ++seed;
    weights.tensors[name] = name.find("norm") != std::string::npos
        ? random(shape, seed, 0.2) + 1
        : random(shape, seed, shape.size() == 1 ? 0.2 : 0.15);
  }
  return weights;
}

inline std::unique_ptr<Decoder> make_decoder(
    const ModelSpec& spec,
    DecoderOptions options = {}) {
  return std::make_unique<Decoder>(spec, random_weights(spec, 7), options);
}

/// Random sequences of these lengths behind one another; every target but
/// each sequence's last counts.
inline Microbatch random_batch(
    const ModelSpec& spec,
    const std::vector<int64_t>& lengths,
    uint32_t seed = 1) {
  std::mt19937 engine(seed);
  Microbatch batch;
  batch.cu_seqlens = {0};
  for (const int64_t length : lengths) {
    for (int64_t i = 0; i < length; ++i) {
      batch.tokens.push_back(static_cast<int64_t>(
          engine() % static_cast<uint32_t>(spec.vocab_size)));
      batch.positions.push_back(i);
    }
    const auto begin = static_cast<size_t>(batch.cu_seqlens.back());
    for (size_t i = begin + 1; i < batch.tokens.size(); ++i) {
      batch.targets.push_back(batch.tokens[i]);
      ++batch.target_count;
    }
    batch.targets.push_back(kIgnoreTarget);
    batch.cu_seqlens.push_back(static_cast<int64_t>(batch.tokens.size()));
  }
  return batch;
}

/// A batch of given tokens: int64 [n] and borders int64 [sequences + 1].
inline Microbatch packed_batch(
    const at::Tensor& tokens,
    const at::Tensor& cu_seqlens) {
  const auto values = [](const at::Tensor& tensor) {
    const int64_t* data = tensor.const_data_ptr<int64_t>();
    return std::vector<int64_t>(data, data + tensor.numel());
  };
  Microbatch batch;
  batch.tokens = values(tokens);
  batch.cu_seqlens = values(cu_seqlens);
  for (size_t i = 0; i + 1 < batch.cu_seqlens.size(); ++i) {
    const int64_t begin = batch.cu_seqlens[i], end = batch.cu_seqlens[i + 1];
    for (int64_t j = begin; j < end; ++j) {
      batch.positions.push_back(j - begin);
      batch.targets.push_back(
          j + 1 < end ? batch.tokens[static_cast<size_t>(j + 1)]
                      : kIgnoreTarget);
    }
    batch.target_count += end - begin - 1;
  }
  return batch;
}

/// One sequence of a packed batch on its own.
inline Microbatch sequence_of(const Microbatch& batch, size_t index) {
  const auto begin = batch.cu_seqlens[index];
  const auto end = batch.cu_seqlens[index + 1];
  Microbatch one;
  const auto cut = [&](const std::vector<int64_t>& all) {
    return std::vector<int64_t>(all.begin() + begin, all.begin() + end);
  };
  one.tokens = cut(batch.tokens);
  one.targets = cut(batch.targets);
  one.positions = cut(batch.positions);
  one.cu_seqlens = {0, end - begin};
  for (const int64_t target : one.targets) {
    one.target_count += target != kIgnoreTarget;
  }
  return one;
}

/// |a - b| / |b| over all elements.
inline double relative_l2(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor difference = a.to(at::kDouble) - b.to(at::kDouble);
  return difference.norm().item<double>() /
      b.to(at::kDouble).norm().item<double>();
}

inline StepContext training_context() {
  StepContext context;
  context.step = 1;
  context.training = true;
  return context;
}

} // namespace octet::testing
