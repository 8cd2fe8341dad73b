// Verdicts with reasons, so that the plan says of every layer what computes it.
#include "backend.h"

#include "gemm.h"
#include "site_filter.h"

#include <octet/error.h>

#include <algorithm>

namespace octet::torchao {

SiteVerdict Backend::accepts(const Site& site) const {
  if (site.kind == SiteKind::linear) {
    seen_.insert(site.name);
  }
  std::string reason = skip_reason(site, *settings_);
  if (!reason.empty()) {
    return SiteVerdict::skip(std::move(reason));
  }
  SiteVerdict verdict = SiteVerdict::yes();
  verdict.reason = settings_->recipe.name + " FP8, " +
      (settings_->emulate ? "EMULATED in higher precision"
                          : "by at::_scaled_mm");
  return verdict;
}

std::unique_ptr<Gemm> Backend::make_gemm(const Site& site) {
  // All sites have been asked about by now. A text that names none of them is
  // a typing mistake: its layers would run in FP8 unnoticed.
  for (const std::string& part : settings_->filter_fqns) {
    const bool used =
        std::any_of(seen_.begin(), seen_.end(), [&](const auto& name) {
          return name.find(part) != std::string::npos;
        });
    if (!used && !seen_.empty()) {
      throw Error(
          "torchao",
          "precision.torchao.filter_fqns: expected a part of a layer's name, "
          "such as " +
              *seen_.begin() + ", found \"" + part + "\", which none of the " +
              std::to_string(seen_.size()) +
              " names contains; correct or remove it");
    }
  }
  return make_float8_gemm(settings_, site.name);
}

} // namespace octet::torchao
