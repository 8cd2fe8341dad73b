// The tensors of the base model: each either a trainable parameter (fp32
// master) or a frozen tensor in the compute dtype.
#pragma once

#include "core/model/weight_set.h"

#include <octet/tensors.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace octet {

/// One tensor of the base model.
class BaseTensor : public WeightSource {
 public:
  /// @param value fp32 when trained, else the compute dtype
  BaseTensor(std::string name, at::Tensor value, bool trained, bool decay);

  at::Tensor materialize(at::ScalarType dtype) const override;
  int64_t version() const override;
  bool frozen() const override {
    return !trained_;
  }

  /// fp32 accumulator, allocated when first asked for; undefined when frozen.
  at::Tensor gradient();
  const at::Tensor& stored() const {
    return parameter_.master;
  }
  Parameter& parameter() {
    return parameter_;
  }

 private:
  Parameter parameter_;
  bool trained_;
};

class BaseWeights {
 public:
  /// Loads every tensor of `spec`.
  /// @param dtype what frozen tensors are kept in
  /// @param device where all of them are kept
  /// @throws Failure(input) naming every tensor whose shape is another one
  BaseWeights(
      const ModelSpec& spec,
      const WeightSet& weights,
      at::ScalarType dtype,
      bool trained,
      const at::Device& device = at::kCPU);

  /// @throws Error when the model has no such tensor
  BaseTensor& at(const std::string& name) const;
  /// Null when the model has no such tensor.
  BaseTensor* find(const std::string& name) const;
  /// In model order: embedding, layers by number, norm, head.
  const std::vector<std::string>& names() const {
    return names_;
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::unique_ptr<BaseTensor>> tensors_;
};

} // namespace octet
