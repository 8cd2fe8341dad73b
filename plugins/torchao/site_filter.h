// Which layers torchao computes in FP8.
//
// Sources: LLaMA-Factory's train/fp8_utils.py for the names and the multiple
// of 16, torchao 0.18 float8_linear_utils.py (_auto_filter_for_recipe) for
// filter_fqns and sizes.
#pragma once

#include "settings.h"

#include <octet/site.h>

#include <string>

namespace octet::torchao {

/// Why `site` stays in bf16, or "".
std::string skip_reason(const Site& site, const Settings& settings);

} // namespace octet::torchao
