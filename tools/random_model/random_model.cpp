// A model of a given shape with random weights, for measuring: what a step
// costs depends on shapes alone.
//
// Usage: random_model FOLDER   FOLDER holds config.json and gets
// model.safetensors in bf16: norms 1, biases 0, all else normally distributed
// with a deviation of 0.02, from a fixed seed. tools/gpu_check uses it.
#include "core/base/problems.h"
#include "core/io/safetensors.h"
#include "core/spec/model_spec.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cstdio>
#include <iostream>

namespace octet {
namespace {

at::Tensor values_of(
    const std::string& name,
    const std::vector<int64_t>& shape,
    at::Generator& generator) {
  constexpr double kDeviation = 0.02; // Hugging Face's initializer_range
  if (shape.size() > 1) {
    return at::empty(shape, at::kBFloat16).normal_(0, kDeviation, generator);
  }
  return name.ends_with(".bias") ? at::zeros(shape, at::kBFloat16)
                                 : at::ones(shape, at::kBFloat16);
}

void write(const std::filesystem::path& folder) {
  const ModelSpec spec = read_model_spec(folder);
  std::vector<TensorInfo> layout;
  for (const auto& [name, shape] : spec.tensors()) {
    layout.push_back({name, StoredType::bf16, shape, 0});
  }
  ShardedSafetensorsWriter writer(folder, layout, {{"format", "pt"}});
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(42);
  for (const auto& [name, shape] : spec.tensors()) {
    const at::Tensor values = values_of(name, shape, generator);
    const auto* bytes = static_cast<const std::byte*>(values.const_data_ptr());
    writer.write(name, {bytes, static_cast<size_t>(values.nbytes())});
  }
  writer.commit();
  std::cout << spec.parameter_count() << "\n";
}

} // namespace
} // namespace octet

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "[random_model] expected a folder with config.json, found "
              << argc - 1 << " arguments\n";
    return 2;
  }
  try {
    octet::write(argv[1]);
    return 0;
  } catch (const octet::Failure& failure) {
    std::cerr << failure.what() << std::endl;
    return static_cast<int>(failure.code());
  } catch (const std::exception& error) {
    std::cerr << "[random_model] " << error.what() << std::endl;
    return 1;
  }
}
