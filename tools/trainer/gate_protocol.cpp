// JSON both ways.
#include "tools/trainer/gate_protocol.h"

#include <nlohmann/json.hpp>

namespace octet {
namespace {

using nlohmann::json;

struct ToJson {
  template <typename Value>
  json operator()(const Value& value) const {
    return value;
  }
};

OptionValue option_of(const json& value) {
  OptionValue option;
  if (value.is_boolean()) {
    option.value = value.get<bool>();
  } else if (value.is_number_integer()) {
    option.value = value.get<int64_t>();
  } else if (value.is_number()) {
    option.value = value.get<double>();
  } else if (value.is_array()) {
    option.value = value.get<std::vector<std::string>>();
  } else {
    option.value = value.get<std::string>();
  }
  return option;
}

} // namespace

std::string report_line(const GateResult& result) {
  const json line = {
      {"gate", result.gate},
      {"status", result.status},
      {"reason", result.reason}};
  return line.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
}

std::optional<GateResult> parse_report(const std::string& line) {
  const json value = json::parse(line, nullptr, false);
  if (!value.is_object() || !value.contains("gate")) {
    return std::nullopt;
  }
  return GateResult{
      value.value("gate", ""),
      value.value("status", ""),
      value.value("reason", "")};
}

std::string options_text(const OptionTable& options) {
  json object = json::object();
  for (const auto& [key, option] : options.values) {
    object[key] = std::visit(ToJson{}, option.value);
  }
  return object.dump(-1, ' ', true, json::error_handler_t::replace);
}

OptionTable parse_options(const std::string& text) {
  OptionTable options;
  try {
    const json object = json::parse(text);
    for (const auto& [key, value] : object.items()) {
      options.values[key] = option_of(value);
    }
  } catch (const json::exception& error) {
    throw Failure(
        ExitCode::usage,
        "plugins",
        std::string("expected options as a JSON object: ") + error.what());
  }
  return options;
}

} // namespace octet
