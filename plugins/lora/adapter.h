// The adapter of one site: y += scale * (dropout(x) A^T) B^T.
// Shapes: M tokens, K inputs, N outputs, r rank; A [r, K], B [N, r].
#pragma once

#include "settings.h"

#include <octet/feature.h>

#include <string>

namespace octet::lora {

class LoraAdapter : public Adapter {
 public:
  /// @param a,b owned by the host
  LoraAdapter(
      std::string site,
      const Settings& settings,
      Parameter& a,
      Parameter& b);

  void forward(
      const at::Tensor& x,
      at::Tensor& y,
      const StepContext& context,
      Saved* saved) override;
  void backward(
      const at::Tensor& grad_y,
      at::Tensor& grad_x,
      const StepContext& context,
      Saved& saved) override;
  at::Tensor delta() const override;

 private:
  bool drops(const StepContext& context) const;

  std::string site_;
  double dropout_;
  double scale_;
  at::ScalarType product_dtype_;
  Parameter& a_;
  Parameter& b_;
};

} // namespace octet::lora
