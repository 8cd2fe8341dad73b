// How JSON values are named in messages.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace octet {

/// The value, cut where it is long, and its type: 7 (number).
std::string shown(const nlohmann::json& value);

/// "the keys a, b and c", or "no keys".
std::string keys_of(const nlohmann::json& object);

} // namespace octet
