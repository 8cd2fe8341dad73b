// The LoRA feature: which layers get an adapter, and the adapter's files.
#pragma once

#include "settings.h"

#include <octet/feature.h>
#include <octet/options.h>

#include <map>
#include <string>
#include <vector>

namespace octet::lora {

/// @throws Error for an empty or contradictory target list
Settings read_settings(const Options& options);

class LoraFeature : public Feature {
 public:
  /// @param bf16_products whether the device multiplies bf16
  explicit LoraFeature(Settings settings, bool bf16_products = false)
      : settings_(std::move(settings)), bf16_products_(bf16_products) {}

  SiteVerdict accepts(const Site& site) const override;
  /// @throws Error naming each target that no layer of the model has, or each
  /// tensor of an imported adapter that fits no layer
  void apply(ModelEditor& editor) override;
  AdapterFiles export_adapter(const ExportContext& context) const override;
  void import_adapter(const AdapterFiles& files) override;

  const Settings& settings() const {
    return settings_;
  }

 private:
  struct Pair {
    std::string site;
    Parameter *a, *b;
  };
  void check_targets(const std::vector<Site>& sites) const;
  void check_imported(const std::vector<Site>& sites) const;
  int64_t rank_at(const std::string& site) const;

  Settings settings_;
  bool bf16_products_;
  /// Values of an imported adapter, by parameter name.
  std::map<std::string, at::Tensor> imported_;
  std::vector<Pair> pairs_;
  std::vector<std::string> roles_;
};

} // namespace octet::lora
