// A slot that the plan does not give to the feature is refused here, so the
// ledger can only differ from the plan by what a feature left undone.
#include "core/model/editor.h"

#include "core/base/problems.h"

#include <fmt/format.h>

#include <algorithm>

namespace octet {
namespace {

class PlannedEditor : public ModelEditor {
 public:
  PlannedEditor(
      std::string feature,
      const Plan& plan,
      EditableModel model,
      std::vector<LedgerEntry>& ledger)
      : feature_(std::move(feature)),
        plan_(plan),
        model_(std::move(model)),
        ledger_(ledger) {
    for (const SitePlan& site : plan.sites) {
      for (const Placement& placement : site.placements) {
        if (placement.plugin == feature_) {
          planned_.push_back(site.site);
          break;
        }
      }
    }
  }

  const std::vector<Site>& sites() const override {
    return model_.sites;
  }
  const std::vector<Site>& planned_sites() const override {
    return planned_;
  }
  at::ScalarType compute_dtype() const override {
    return model_.compute_dtype;
  }
  uint64_t seed() const override {
    return model_.seed;
  }

  const WeightSource& weight(const std::string& site) const override {
    const auto found = model_.linear_sites.find(site);
    if (found == model_.linear_sites.end()) {
      throw Error(
          "model",
          fmt::format(
              "{} asks for the weight of {}; expected the name of a linear "
              "layer",
              feature_,
              site));
    }
    return found->second->weight();
  }

  Parameter& add_parameter(std::string name, at::Tensor initial, bool decay)
      override {
    for (const auto& parameter : model_.added_parameters) {
      if (parameter->name == name) {
        refuse("a new parameter", name, "that name is taken");
      }
    }
    if (!initial.defined() || initial.scalar_type() != at::kFloat) {
      refuse("a new parameter", name, "its initial value must be fp32");
    }
    auto parameter = std::make_unique<Parameter>();
    parameter->name = std::move(name);
    parameter->master = initial.to(model_.device).contiguous();
    parameter->decay = decay;
    model_.added_parameters.push_back(std::move(parameter));
    return *model_.added_parameters.back();
  }

  void add_adapter(const std::string& site, std::unique_ptr<Adapter> adapter)
      override {
    enter(site, "adapter").add_adapter(std::move(adapter));
  }
  void set_weight_transform(
      const std::string& site,
      std::unique_ptr<WeightTransform> transform) override {
    enter(site, "weight_transform").set_weight_transform(std::move(transform));
  }
  void set_input_transform(
      const std::string& site,
      std::unique_ptr<InputTransform> transform) override {
    enter(site, "input_transform").set_input_transform(std::move(transform));
  }

  void replace_op(const std::string& name, std::shared_ptr<Op> op) override {
    const auto planned = plan_.ops.find(name);
    if (planned == plan_.ops.end() || planned->second != feature_) {
      refuse("op", name, "the plan does not give it to this feature");
    }
    model_.ops.replace(name, std::move(op));
    ledger_.push_back({feature_, "", "op:" + name});
  }

  void on_step_end(std::function<void(const StepReport&)> hook) override {
    const std::string name = "step_end";
    const auto planned = plan_.hooks.find(name);
    if (planned == plan_.hooks.end() ||
        std::count(planned->second.begin(), planned->second.end(), feature_) ==
            0) {
      refuse(
          "hook",
          name,
          "its manifest does not claim it; add \"step_end\" to claims");
    }
    model_.step_hooks.push_back(std::move(hook));
    // A feature may register several; the plan counts that it did at all.
    const bool first = std::none_of(
        ledger_.begin(), ledger_.end(), [&](const LedgerEntry& entry) {
          return entry.plugin == feature_ && entry.slot == name;
        });
    if (first) {
      ledger_.push_back({feature_, "", name});
    }
  }

 private:
  [[noreturn]] void refuse(
      const std::string& what,
      const std::string& name,
      const std::string& why) const {
    throw Error(
        "model",
        fmt::format("{} may not change {} {}: {}", feature_, what, name, why));
  }

  /// Checks and records a change of a slot.
  LinearSite& enter(const std::string& site, const std::string& slot) {
    const auto planned = std::find_if(
        plan_.sites.begin(), plan_.sites.end(), [&](const SitePlan& entry) {
          return entry.site.name == site;
        });
    if (planned == plan_.sites.end()) {
      std::vector<std::string> names;
      for (const Site& known : model_.sites) {
        names.push_back(known.name);
      }
      refuse(
          "slot " + slot + " of",
          site,
          "the model has no such site; the nearest is " +
              nearest_name(site, names));
    }
    const bool given = std::any_of(
        planned->placements.begin(),
        planned->placements.end(),
        [&](const Placement& placement) {
          return placement.plugin == feature_ && placement.slot == slot;
        });
    if (!given) {
      refuse(
          "slot " + slot + " of",
          site,
          "the plan does not give it to this feature");
    }
    const auto found = model_.linear_sites.find(site);
    if (found == model_.linear_sites.end()) {
      refuse("slot " + slot + " of", site, "it is not a linear layer");
    }
    ledger_.push_back({feature_, site, slot});
    return *found->second;
  }

  std::string feature_;
  const Plan& plan_;
  EditableModel model_;
  std::vector<LedgerEntry>& ledger_;
  std::vector<Site> planned_;
};

} // namespace

std::unique_ptr<ModelEditor> make_editor(
    std::string feature,
    const Plan& plan,
    EditableModel model,
    std::vector<LedgerEntry>& ledger) {
  return std::make_unique<PlannedEditor>(
      std::move(feature), plan, std::move(model), ledger);
}

} // namespace octet
