// The bf16 backend: bf16 operands and results, fp32 sums.
//
// Two ways to the same numbers up to the order of sums: ATen's bf16 products
// where the device multiplies bf16 itself (AVX512-BF16, AMX, a GPU), else
// products of widened blocks, because ATen's bf16 products are many times
// slower than fp32 ones there.
#pragma once

#include <octet/plugin.h>
#include <octet/precision.h>

#include <string>

namespace octet::bf16 {

/// Whether the run's device multiplies bf16: a GPU does, a CPU may.
bool has_bf16_products(const OctetHost& host);

/// The probe's sentence about the way that is used.
std::string describe(const OctetHost& host);

/// Products of bf16 tensors by ATen (oneDNN, cuBLAS).
std::unique_ptr<Gemm> make_native_gemm();
/// Blocks of the operands widened to fp32, multiplied, rounded once.
std::unique_ptr<Gemm> make_widened_gemm();

class Backend : public PrecisionBackend {
 public:
  explicit Backend(bool native) : native_(native) {}
  SiteVerdict accepts(const Site& site) const override;
  std::unique_ptr<Gemm> make_gemm(const Site& site) override;

 private:
  bool native_;
};

} // namespace octet::bf16
