// An editor that keeps what a feature hands it, so that each adapter and each
// transform can be examined alone.
#pragma once

#include "sdk/conformance/numbers.h"

#include <octet/feature.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace octet::conformance {

class RecordingEditor : public ModelEditor {
 public:
  /// @param planned those of `sites` that the feature is to change
  RecordingEditor(std::vector<Site> sites, std::vector<Site> planned);

  const std::vector<Site>& sites() const override {
    return sites_;
  }
  const std::vector<Site>& planned_sites() const override {
    return planned_;
  }
  at::ScalarType compute_dtype() const override {
    return at::kFloat;
  }
  uint64_t seed() const override {
    return 42;
  }
  const WeightSource& weight(const std::string& site) const override;
  Parameter& add_parameter(std::string name, at::Tensor initial, bool decay)
      override;
  void add_adapter(const std::string& site, std::unique_ptr<Adapter> adapter)
      override;
  void set_weight_transform(
      const std::string& site,
      std::unique_ptr<WeightTransform> transform) override;
  void set_input_transform(
      const std::string& site,
      std::unique_ptr<InputTransform> transform) override;
  void replace_op(const std::string& name, std::shared_ptr<Op> op) override;
  void on_step_end(std::function<void(const StepReport&)> hook) override;

  template <class Part>
  struct At {
    Site site;
    std::unique_ptr<Part> part;
  };
  std::vector<At<Adapter>> adapters;
  std::vector<At<WeightTransform>> weight_transforms;
  std::vector<At<InputTransform>> input_transforms;
  std::vector<std::unique_ptr<Parameter>> parameters;

 private:
  const Site& linear_site(const std::string& name) const;

  std::vector<Site> sites_, planned_;
  std::map<std::string, std::unique_ptr<TestWeight>> weights_;
};

} // namespace octet::conformance
