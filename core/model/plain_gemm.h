// The Gemm of sites that no precision backend claims: matrix products in the
// compute dtype.
#pragma once

#include <octet/precision.h>

#include <memory>

namespace octet {

std::unique_ptr<Gemm> make_plain_gemm();

} // namespace octet
