// The ModelEditor that a feature gets: every change is checked against the
// plan, entered into the ledger, then made.
#pragma once

#include "core/model/ledger.h"
#include "core/model/linear_site.h"
#include "core/ops/op_table.h"
#include "core/resolve/plan.h"

#include <octet/feature.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace octet {

/// What an editor may reach of a decoder.
struct EditableModel {
  const std::vector<Site>& sites;
  std::map<std::string, LinearSite*> linear_sites;
  OpTable& ops;
  std::vector<std::unique_ptr<Parameter>>& added_parameters;
  std::vector<std::function<void(const StepReport&)>>& step_hooks;
  at::ScalarType compute_dtype;
  /// Where added parameters are kept.
  at::Device device;
  uint64_t seed;
};

/// @param ledger gets an entry for every change
std::unique_ptr<ModelEditor> make_editor(
    std::string feature,
    const Plan& plan,
    EditableModel model,
    std::vector<LedgerEntry>& ledger);

} // namespace octet
