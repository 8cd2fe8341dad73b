// The torchao backend: FP8 products by torchao's recipes, everything else in
// bf16.
#pragma once

#include "settings.h"

#include <octet/precision.h>

#include <memory>
#include <set>
#include <string>

namespace octet::torchao {

class Backend : public PrecisionBackend {
 public:
  explicit Backend(Settings settings)
      : settings_(std::make_shared<const Settings>(std::move(settings))) {}

  SiteVerdict accepts(const Site& site) const override;
  /// @throws Error when a text of filter_fqns is in no layer's name
  std::unique_ptr<Gemm> make_gemm(const Site& site) override;

 private:
  std::shared_ptr<const Settings> settings_;
  /// Names of the linear layers that were asked about.
  mutable std::set<std::string> seen_;
};

} // namespace octet::torchao
