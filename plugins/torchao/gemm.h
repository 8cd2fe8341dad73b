// The three products of one linear layer in FP8.
#pragma once

#include "settings.h"

#include <octet/precision.h>

#include <memory>
#include <string>

namespace octet::torchao {

/// @param site its full name, for messages
std::unique_ptr<Gemm> make_float8_gemm(
    std::shared_ptr<const Settings> settings,
    std::string site);

} // namespace octet::torchao
