// Initial values as PEFT's: A uniform in +-1/sqrt(K) (kaiming_uniform with
// a = sqrt(5)), B zero, so the first forward is the base model's.
#include "feature.h"

#include "adapter.h"
#include "dropout.h"
#include "peft_files.h"

#include <octet/error.h>

#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace octet::lora {
namespace {

constexpr const char* kAllLinear = "all-linear";

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

} // namespace

Settings read_settings(const Options& options) {
  Settings settings;
  settings.rank = options.integer("rank");
  settings.alpha = options.real("alpha");
  if (settings.alpha == 0) {
    settings.alpha = 2 * static_cast<double>(settings.rank);
  }
  settings.dropout = options.real("dropout");
  settings.targets = options.strings("target");
  settings.rslora = options.boolean("rslora");
  if (settings.targets.empty()) {
    throw Error(
        "lora",
        "expected at least one layer in features.lora.target, found an empty "
        "list; \"all-linear\" takes all but the head");
  }
  if (contains(settings.targets, kAllLinear) && settings.targets.size() > 1) {
    throw Error(
        "lora",
        "features.lora.target has \"all-linear\" beside other names; give one "
        "or the other");
  }
  return settings;
}

SiteVerdict LoraFeature::accepts(const Site& site) const {
  if (site.kind != SiteKind::linear) {
    return SiteVerdict::skip("an embedding has no adapter");
  }
  if (!imported_.empty()) {
    if (!imported_.contains(a_name(site.name))) {
      return SiteVerdict::skip("not in the adapter's files");
    }
  } else if (contains(settings_.targets, kAllLinear)) {
    if (site.role == "lm_head") {
      return SiteVerdict::skip("all-linear leaves the head out");
    }
  } else if (!contains(settings_.targets, site.role)) {
    return SiteVerdict::skip("not a target");
  }
  return SiteVerdict::yes(
      rank_at(site.name) * (site.in_features + site.out_features));
}

void LoraFeature::apply(ModelEditor& editor) {
  if (imported_.empty()) {
    check_targets(editor.sites());
  } else {
    check_imported(editor.sites());
  }
  Settings settings = settings_;
  settings.product_dtype = bf16_products_ ? editor.compute_dtype() : at::kFloat;
  for (const Site& site : editor.planned_sites()) {
    const int64_t rank = rank_at(site.name);
    const auto initial = [&](const std::string& name, at::Tensor fresh) {
      const auto found = imported_.find(name);
      return found == imported_.end() ? fresh : found->second;
    };
    Parameter& a = editor.add_parameter(
        a_name(site.name),
        initial(
            a_name(site.name),
            uniform(
                {rank, site.in_features},
                1 / std::sqrt(static_cast<double>(site.in_features)),
                mix_seed(editor.seed(), a_name(site.name)))),
        /*decay=*/true);
    Parameter& b = editor.add_parameter(
        b_name(site.name),
        initial(b_name(site.name), at::zeros({site.out_features, rank})),
        /*decay=*/true);
    editor.add_adapter(
        site.name, std::make_unique<LoraAdapter>(site.name, settings, a, b));
    pairs_.push_back({site.name, &a, &b});
    if (!contains(roles_, site.role)) {
      roles_.push_back(site.role);
    }
  }
}

AdapterFiles LoraFeature::export_adapter(const ExportContext& context) const {
  AdapterFiles files;
  files.config_json = peft_config(settings_, roles_, context.base_model);
  for (const Pair& pair : pairs_) {
    files.tensors[peft_name(a_name(pair.site))] = pair.a->master;
    files.tensors[peft_name(b_name(pair.site))] = pair.b->master;
  }
  return files;
}

void LoraFeature::import_adapter(const AdapterFiles& files) {
  const double dropout = settings_.dropout;
  settings_ = parse_peft_config(files.config_json);
  settings_.dropout = dropout;
  imported_ = parse_peft_tensors(files.tensors);
}

void LoraFeature::check_targets(const std::vector<Site>& sites) const {
  std::set<std::string> roles, unknown;
  for (const Site& site : sites) {
    if (site.kind == SiteKind::linear) {
      roles.insert(site.role);
    }
  }
  for (const std::string& target : settings_.targets) {
    if (target != kAllLinear && !roles.contains(target)) {
      unknown.insert(target);
    }
  }
  if (!unknown.empty()) {
    throw Error(
        "lora",
        "features.lora.target names " + listed(unknown) +
            ", which this model does not have; it has " + listed(roles) +
            ", or write \"all-linear\"");
  }
}

void LoraFeature::check_imported(const std::vector<Site>& sites) const {
  std::map<std::string, std::vector<int64_t>> expected;
  for (const Site& site : sites) {
    if (site.kind == SiteKind::linear) {
      const int64_t rank = rank_at(site.name);
      expected[a_name(site.name)] = {rank, site.in_features};
      expected[b_name(site.name)] = {site.out_features, rank};
    }
  }
  std::set<std::string> wrong;
  for (const auto& [name, tensor] : imported_) {
    const auto found = expected.find(name);
    if (found == expected.end() ||
        tensor.sizes() != at::IntArrayRef(found->second)) {
      wrong.insert(name);
    }
  }
  if (!wrong.empty()) {
    throw Error(
        "lora",
        "the adapter does not belong to this model; these tensors fit none of "
        "its layers: " +
            listed(wrong));
  }
}

int64_t LoraFeature::rank_at(const std::string& site) const {
  const auto found = imported_.find(a_name(site));
  return found == imported_.end() ? settings_.rank : found->second.size(0);
}

} // namespace octet::lora
