// Products of operands that were rounded to an MX format, summed in fp32.
#pragma once

#include "rounding.h"

namespace octet::mx {

class Backend : public PrecisionBackend {
 public:
  /// @param element of inputs and weights  @param gradient of grad_y
  Backend(ElementFormat element, ElementFormat gradient)
      : element_(element), gradient_(gradient) {}
  SiteVerdict accepts(const Site& site) const override;
  std::unique_ptr<Gemm> make_gemm(const Site& site) override;

 private:
  ElementFormat element_, gradient_;
};

} // namespace octet::mx
