// Which way a machine's products take.
#include "backend.h"

namespace octet::bf16 {

bool has_bf16_products(const OctetHost& host) {
  return host.cuda_device_count > 0 || host.cpu_avx512_bf16 != 0 ||
      host.cpu_amx_bf16 != 0;
}

std::string describe(const OctetHost& host) {
  if (host.cuda_device_count > 0) {
    return "bf16 products by the GPU";
  }
  if (host.cpu_amx_bf16 != 0) {
    return "bf16 products by AMX";
  }
  if (host.cpu_avx512_bf16 != 0) {
    return "bf16 products by AVX512-BF16";
  }
  return "this CPU has no bf16 instructions: operands are widened to fp32 in "
         "blocks, so bf16 saves memory, not time";
}

SiteVerdict Backend::accepts(const Site& site) const {
  return site.kind == SiteKind::linear
      ? SiteVerdict::yes()
      : SiteVerdict::skip("an embedding has no matrix product");
}

std::unique_ptr<Gemm> Backend::make_gemm(const Site&) {
  return native_ ? make_native_gemm() : make_widened_gemm();
}

} // namespace octet::bf16
