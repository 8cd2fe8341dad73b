// See the header. Norms are summed in fp64.
#include "weight_norms.h"

#include <octet/error.h>

#include <ATen/ops/scalar_tensor.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace octet::weight_norms {
namespace {

std::string line_of(int64_t step, const RoleNorm& row) {
  char text[160];
  std::snprintf(
      text,
      sizeof(text),
      "step %lld: |%s| = %.6g (%+.3g)",
      static_cast<long long>(step),
      row.role.c_str(),
      row.norm,
      row.change);
  return text;
}

} // namespace

SiteVerdict WeightNorms::accepts(const Site&) const {
  return SiteVerdict::skip("weights are only read");
}

void WeightNorms::apply(ModelEditor& editor) {
  for (const Site& site : editor.sites()) {
    const bool wanted = settings_.roles.empty() ||
        std::count(settings_.roles.begin(), settings_.roles.end(), site.role) >
            0;
    if (site.kind == SiteKind::linear && wanted) {
      weights_[site.role].push_back(&editor.weight(site.name));
    }
  }
  std::string unknown;
  for (const std::string& role : settings_.roles) {
    if (!weights_.contains(role)) {
      unknown += (unknown.empty() ? "" : ", ") + role;
    }
  }
  if (!unknown.empty()) {
    throw Error(
        "weight_norms",
        "features.weight_norms.roles: expected roles of linear layers of this "
        "model, found " +
            unknown);
  }
  editor.on_step_end([this](const StepReport& report) {
    if (report.step % settings_.every == 0) {
      for (const RoleNorm& row : measure()) {
        log_(line_of(report.step, row));
      }
    }
  });
}

std::vector<RoleNorm> WeightNorms::measure() {
  std::vector<RoleNorm> rows;
  for (const auto& [role, sources] : weights_) {
    double square = 0;
    for (const WeightSource* source : sources) {
      const at::Tensor weight = source->materialize(at::kFloat);
      square += weight.to(at::kDouble).square().sum().item<double>();
    }
    RoleNorm row{role, std::sqrt(square), 0};
    const auto before = last_.find(role);
    row.change = before == last_.end() ? 0 : row.norm - before->second;
    last_[role] = row.norm;
    rows.push_back(row);
  }
  return rows;
}

State WeightNorms::state() const {
  State state;
  for (const auto& [role, norm] : last_) {
    state.emplace_back(role, at::scalar_tensor(norm, at::kDouble));
  }
  return state;
}

void WeightNorms::load(const State& state) {
  last_.clear();
  for (const auto& [role, norm] : state) {
    last_[role] = norm.item<double>();
  }
}

} // namespace octet::weight_norms
