// The fp32 backend: one sgemm a product, nothing rounded on the way.
#pragma once

#include <octet/precision.h>

namespace octet::fp32 {

class Backend : public PrecisionBackend {
 public:
  SiteVerdict accepts(const Site& site) const override;
  std::unique_ptr<Gemm> make_gemm(const Site& site) override;
};

} // namespace octet::fp32
