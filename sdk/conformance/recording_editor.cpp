// See the header.
#include "sdk/conformance/recording_editor.h"

#include "sdk/conformance/check.h"

#include <cmath>

namespace octet::conformance {

RecordingEditor::RecordingEditor(
    std::vector<Site> sites,
    std::vector<Site> planned)
    : sites_(std::move(sites)), planned_(std::move(planned)) {
  uint64_t seed = 700;
  for (const Site& site : sites_) {
    if (site.kind == SiteKind::linear) {
      weights_[site.name] = std::make_unique<TestWeight>(
          random(
              {site.out_features, site.in_features},
              ++seed,
              1 / std::sqrt(static_cast<double>(site.in_features))),
          /*frozen=*/false);
    }
  }
}

const Site& RecordingEditor::linear_site(const std::string& name) const {
  for (const Site& site : sites_) {
    if (site.name == name && site.kind == SiteKind::linear) {
      return site;
    }
  }
  fail("it names " + name + ", which is no linear layer of the model");
}

const WeightSource& RecordingEditor::weight(const std::string& site) const {
  return *weights_.at(linear_site(site).name);
}

Parameter& RecordingEditor::add_parameter(
    std::string name,
    at::Tensor initial,
    bool decay) {
  expect(
      initial.defined() && initial.scalar_type() == at::kFloat,
      "the initial value of parameter " + name + " is not fp32");
  auto parameter = std::make_unique<Parameter>();
  parameter->name = std::move(name);
  parameter->master = initial.contiguous();
  parameter->decay = decay;
  parameters.push_back(std::move(parameter));
  return *parameters.back();
}

void RecordingEditor::add_adapter(
    const std::string& site,
    std::unique_ptr<Adapter> adapter) {
  adapters.push_back({linear_site(site), std::move(adapter)});
}

void RecordingEditor::set_weight_transform(
    const std::string& site,
    std::unique_ptr<WeightTransform> transform) {
  weight_transforms.push_back({linear_site(site), std::move(transform)});
}

void RecordingEditor::set_input_transform(
    const std::string& site,
    std::unique_ptr<InputTransform> transform) {
  input_transforms.push_back({linear_site(site), std::move(transform)});
}

// Ops and hooks are examined within a whole decoder.
void RecordingEditor::replace_op(const std::string&, std::shared_ptr<Op>) {}
void RecordingEditor::on_step_end(std::function<void(const StepReport&)>) {}

} // namespace octet::conformance
