// The te backend: the linear layers' products in FP8 by NVIDIA Transformer
// Engine, bound at run time.
#pragma once

#include "linear.h"
#include "settings.h"

#include <octet/register.h>

#include <map>
#include <memory>
#include <string>

namespace octet::te {

/// Finds and loads the library; see docs/te.md for where it is looked for.
ProbeResult probe(const OctetHost& host, const Options& options);
/// @throws Error when the library, the GPU and the options do not fit
std::unique_ptr<PrecisionBackend> create(
    const OctetHost& host,
    const Options& options);

class Backend : public PrecisionBackend {
 public:
  Backend(
      const std::shared_ptr<const Library>& library,
      const Settings& settings,
      unsigned capability);

  SiteVerdict accepts(const Site& site) const override;
  std::unique_ptr<Gemm> make_gemm(const Site& site) override;
  void use_collective(Collective& ranks) override;
  void end_microbatch(const StepContext& context) override;

 private:
  std::shared_ptr<Engine> engine_;
  std::string description_;
  /// The input's quantizer of each group.
  std::map<std::string, std::shared_ptr<Quantizer>> inputs_;
  Collective* ranks_ = nullptr;
};

} // namespace octet::te
