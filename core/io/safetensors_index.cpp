// model.safetensors.index.json: which shard holds which tensor.
#include "core/base/problems.h"
#include "core/io/input_file.h"
#include "core/io/safetensors_header.h"

#include <nlohmann/json.hpp>

#include <set>

namespace octet {

namespace {

constexpr size_t kMaxIndex = 100'000'000;

} // namespace

std::map<std::string, std::string> read_safetensors_index(
    const std::filesystem::path& index) {
  const auto fail = [&](const std::string& what) {
    throw Failure(
        ExitCode::input, "safetensors", what + " (" + index.string() + ")");
  };
  const std::string text = read_text_file(index, "safetensors", kMaxIndex);
  std::vector<std::set<std::string>> keys;
  const auto once =
      [&](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
        if (event == nlohmann::json::parse_event_t::object_start) {
          keys.emplace_back();
        } else if (event == nlohmann::json::parse_event_t::object_end) {
          keys.pop_back();
        } else if (event == nlohmann::json::parse_event_t::key) {
          if (!keys.back().insert(value.get<std::string>()).second) {
            fail(
                "expected every key once, found \"" + value.get<std::string>() +
                "\" twice");
          }
        }
        return true;
      };
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(text, once);
  } catch (const nlohmann::json::parse_error& error) {
    fail(
        "expected JSON, found it broken at byte " + std::to_string(error.byte));
  }
  if (!json.is_object() || !json.contains("weight_map") ||
      !json["weight_map"].is_object()) {
    fail("expected an object with a \"weight_map\", found none");
  }
  std::map<std::string, std::string> map;
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    if (!shard.is_string()) {
      fail("expected the name of a shard for tensor " + tensor);
    }
    map[tensor] = shard.get<std::string>();
  }
  return map;
}

} // namespace octet
