// What the core itself saw plugins do: which slots they filled and how often
// each site's Gemm was called.
#pragma once

#include "core/resolve/plan.h"

#include <cstdint>

namespace octet {

struct CallCount {
  int64_t forward = 0;
  int64_t backward = 0;
  bool operator==(const CallCount&) const = default;
};

} // namespace octet
