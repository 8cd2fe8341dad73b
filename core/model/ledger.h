// What the core itself saw plugins do: which slots they filled and how often
// each site's Gemm was called.
#pragma once

#include "core/resolve/plan.h"
